/* The raster: which neuron spikes at which timestep, on a canvas under an SVG frame; zoomed along time. */
report.raster = function(trace) {
  var raster = report.object(trace.raster), populations = report.list(trace.populations), T = trace.T;
  var rows = report.list(raster.populations), marks = [], view = null, chosen, item;
  var COLOURS = ["positive", "negative", "outlier", "hg"], LABEL = 13;

  /* [population, window, token, n, then n times 2 row + outlier, fired + 65536 negative] */
  (function decode(flat) {
    for (var at = 0; at + 4 <= flat.length;) {
      var head = flat.slice(at, at + 4), i;
      for (at += 4, i = 0; i < head[3]; i++, at += 2)
        marks.push({
          population: head[0],
          window: head[1],
          token: head[2],
          row: flat[at] >> 1,
          outlier: flat[at] & 1,
          fired: flat[at + 1] % 65536,
          negative: Math.floor(flat[at + 1] / 65536)
        });
    }
  }(report.list(raster.marks)));
  if (marks.length === 0) return;
  /* Encoders: all tokens of a sequence share their windows. */
  var shared = marks.some(function(mark, i) {
    var before = marks[i - 1];
    return i > 0 && before.population === mark.population && before.window === mark.window &&
           before.token !== mark.token;
  });

  /* An input spikes once a window, so all its spikes are drawn: a row of the raster stands for several of its own. */
  function isInput(i) { return populations[i].code === "input"; }

  /* What may be chosen: a layer, everything, one population; only what has rows. */
  function choices() {
    var drawn = populations.map(function(p, i) { return i; }).filter(function(i) { return rows[i]; });
    var all = {text: "all populations", members: drawn}, list = [];
    trace.layers.forEach(function(layer) {
      var members = drawn.filter(function(i) { return populations[i].layer === layer; });
      if (members.length) list.push({text: report.layerName(layer), members: members});
    });
    if (list.length !== 1) list.push(all);
    drawn.forEach(function(i) { list.push({text: populations[i].name, members: [i]}); });
    return list;
  }
  var options = choices();
  function firstLayer() {
    for (var i = 0; i < options.length; i++)
      if (options[i].members.length > 3 && populations[options[i].members[0]].layer >= 0) return i;
    return 0;
  }

  function extent(members) {
    var set = {}, low = Infinity, high = 0;
    members.forEach(function(i) { set[i] = true; });
    marks.forEach(function(mark) {
      if (!set[mark.population]) return;
      low = Math.min(low, mark.window);
      high = Math.max(high, mark.window + 1);
    });
    return low < high ? [low * T, high * T] : [0, T];
  }
  /* Time at first: the first windows of the choice, about as many as a few tokens take. */
  function firstView(members) {
    var all = extent(members), levels = d3.extent(members, function(i) { return populations[i].level; });
    return [all[0], Math.min(all[1], all[0] + (levels[1] - levels[0] + 9) * T)];
  }

  /* Where each chosen population stands: {top, height, row (pixels a row)}. */
  function layOut(members) {
    var total = d3.sum(members, function(i) { return rows[i][0]; }), gap = members.length > 60 ? 1 : 4;
    var row = Math.max(1, Math.min(12, Math.floor(520 / Math.max(1, total)) || 1)), y = 0, bands = {};
    members.forEach(function(i) {
      var height = rows[i][0] * row, least = members.length > 60 ? height : Math.max(height, LABEL);
      bands[i] = {top: y, height: least, row: Math.max(row, least / rows[i][0])};
      y += least + gap;
    });
    bands.height = y - gap;
    return bands;
  }

  function share(members) {
    var neurons = d3.sum(members, function(i) { return populations[i].neurons; });
    var drawn = d3.sum(members, function(i) { return isInput(i) ? populations[i].neurons : rows[i][0]; });
    var spikes = d3.sum(members, function(i) { return populations[i].spikes; });
    var shown = d3.sum(members, function(i) { return rows[i][3]; });
    var time = raster.windows * T >= trace.timesteps
                 ? "all " + report.plural(trace.timesteps, "timestep")
                 : "timesteps 0 to " + report.count(raster.windows * T) + " of " + report.count(trace.timesteps);
    item.section.attr("data-spikes-drawn", shown);
    return report.count(drawn) + " of " + report.plural(neurons, "neuron") +
           ", evenly chosen (attention weights: the first keys of each head), over " + time +
           (raster.partial ? " (the first window only in part)" : "") + ": " + report.count(shown) + " of " +
           report.plural(spikes, "spike") + " are here (" + report.percent(shown, spikes) + ")." +
           (shared ? " Tokens of one window lie over each other." : "") +
           " Drag moves in time, Ctrl + wheel or the buttons zoom.";
  }

  function paint(context, bands, x, width, ratio) {
    var style = getComputedStyle(document.documentElement), members = chosen.members;
    var colour = COLOURS.map(function(name) { return style.getPropertyValue("--" + name); });
    var domain = x.domain(), step = Math.abs(x(1) - x(0)), wide = Math.max(1, step), drawn = 0;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, bands.height);
    context.fillStyle = style.getPropertyValue("--shade");
    members.forEach(function(i) { context.fillRect(0, bands[i].top, width, bands[i].height); });
    marks.forEach(function(mark) {
      var band = bands[mark.population], start = mark.window * T;
      if (!band || start > domain[1] || start + T < domain[0]) return;
      var hg = populations[mark.population].code === "hg", y = band.top + mark.row * band.row,
          tall = Math.max(1, band.row - (band.row > 4 ? 1 : 0));
      for (var t = 0; t < T; t++) {
        if (!(mark.fired >> t & 1) && !(hg && t === 0)) continue;
        context.fillStyle = colour[hg ? 3 : mark.outlier ? 2 : mark.negative >> t & 1 ? 1 : 0];
        context.fillRect(x(start + t), y, wide, tall);
        drawn++;
      }
    });
    return drawn;
  }

  function rowText(i, row) {
    var r = rows[i];
    if (isInput(i))
      return "one of rows " + row * r[1] + " to " + (Math.min(populations[i].neurons, (row + 1) * r[1]) - 1);
    if (r[2] === 0) return "neuron " + row * r[1];
    return "head " + Math.floor(row / r[2]) * r[1] + ", key " + row % r[2];
  }
  function hover(at, bands, x) {
    var time = Math.floor(x.invert(at[0]));
    chosen.members.forEach(function(i) {
      var band = bands[i], row = Math.floor((at[1] - band.top) / band.row);
      if (at[1] < band.top || at[1] >= band.top + band.height || row >= rows[i][0]) return;
      var found =
        marks.filter(function(m) { return m.population === i && m.row === row && m.window === Math.floor(time / T); });
      report.tip(populations[i].name + ", " + rowText(i, row) + "\ntimestep " + report.count(time) +
                 (found.length ? ", token " + found[0].token : ""));
    });
  }

  function labels(svg, bands, left, upper) {
    chosen.members.forEach(function(i) {
      if (bands[i].height < LABEL - 2) return;
      svg.append("text")
        .attr("x", left - 6)
        .attr("y", upper + bands[i].top + bands[i].height / 2 + 4)
        .attr("text-anchor", "end")
        .text(report.clip(report.role(populations[i].name), 16));
    });
    if (chosen.members.length <= 60) return;
    trace.layers.forEach(function(layer) {
      var members = chosen.members.filter(function(i) { return populations[i].layer === layer; });
      if (members.length === 0) return;
      var first = bands[members[0]], last = bands[members[members.length - 1]],
          height = last.top + last.height - first.top;
      if (height >= LABEL)
        svg.append("text")
          .attr("x", left - 6)
          .attr("y", upper + first.top + height / 2 + 4)
          .attr("text-anchor", "end")
          .text(report.layerName(layer));
    });
  }

  function draw(plot, width) {
    var left = 118, upper = 6, inner = Math.max(180, width - left - 16), bands = layOut(chosen.members);
    var full = extent(chosen.members), ratio = Math.max(1, Math.min(3, window.devicePixelRatio || 1));
    var x = d3.scale.linear().domain(view).range([0, inner]);
    var canvas = plot.append("canvas")
                   .attr("width", Math.round(inner * ratio))
                   .attr("height", Math.round(bands.height * ratio))
                   .style({left: left + "px", top: upper + "px", width: inner + "px", height: bands.height + "px"});
    var svg = report.svg(plot, left + inner + 16, upper + bands.height + 46), context = canvas.node().getContext("2d");
    labels(svg, bands, left, upper);
    svg.append("text")
      .attr("class", "title")
      .attr("x", left + inner / 2)
      .attr("y", upper + bands.height + 40)
      .attr("text-anchor", "middle")
      .text("timestep (a window: " + T + " timesteps)");
    var foot = svg.append("g"), drawn = 0;
    function show() {
      view = x.domain();
      foot.selectAll("*").remove();
      report.axis(
        foot, "bottom", x, {x: left, y: upper + bands.height, ticks: Math.max(3, inner / 110), format: d3.format(",")});
      drawn = paint(context, bands, x, inner, ratio);
    }
    function limit(zoom) {
      var domain = x.domain(), span = Math.min(domain[1] - domain[0], full[1] - full[0]);
      var low = Math.max(full[0], Math.min(full[1] - span, domain[0]));
      x.domain([low, low + span]);
      zoom.x(x);
      show();
    }
    var zoom = d3.behavior.zoom().x(x).on("zoom", function() { limit(zoom); });
    item.zoom = function(factor, move) {
      var domain = x.domain(), middle = (domain[0] + domain[1]) / 2 + move * (domain[1] - domain[0]);
      var span = Math.max(T / 2, (domain[1] - domain[0]) * factor);
      x.domain([middle - span / 2, middle + span / 2]);
      zoom.x(x);
      limit(zoom);
    };
    item.everything = function() {
      x.domain(full);
      zoom.x(x);
      limit(zoom);
    };
    var area = svg.append("rect")
                 .attr("x", left)
                 .attr("y", upper)
                 .attr("width", inner)
                 .attr("height", bands.height)
                 .attr("fill", "none")
                 .attr("pointer-events", "all")
                 .style("cursor", "grab")
                 .call(zoom)
                 .on("mousemove.tip",
                   function() {
                     var at = d3.mouse(this);
                     hover([at[0] - left, at[1] - upper], bands, x);
                   })
                 .on("mouseout.tip", function() { report.tip(null); });
    var wheel = area.on("wheel.zoom");
    area
      .on("wheel.zoom",
        function() {
          if (d3.event.ctrlKey || d3.event.metaKey) wheel.apply(this, arguments);
        })
      .on("touchstart.zoom", null);
    show();
    item.caption.text(share(chosen.members));
    return drawn;
  }

  chosen = options[firstLayer()];
  view = firstView(chosen.members);
  report.figure({
    id: "raster",
    title: "Spike raster",
    draw: draw,
    setUp: function(figure) {
      item = figure;
      report.select(item, "populations", options, options.indexOf(chosen), function(value) {
        chosen = value;
        view = firstView(value.members);
      });
      report.button(item, "+", "zoom in", function() { item.zoom(0.5, 0); });
      report.button(item, "−", "zoom out", function() { item.zoom(2, 0); });
      report.button(item, "←", "earlier", function() { item.zoom(1, -0.5); });
      report.button(item, "→", "later", function() { item.zoom(1, 0.5); });
      report.button(item, "all", "the whole time", function() { item.everything(); });
      report.legend(item, [
        {key: "positive", text: "positive"}, {key: "negative", text: "negative"},
        {key: "outlier", text: "outlier sub-neuron (either sign)"}, {key: "hg", text: "HG neuron: gates and code"}
      ]);
    }
  });
};
