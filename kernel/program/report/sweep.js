/* Figures from a sweep: loss against T, loss against spikes with the Pareto front. */
report.sweep = function(sweep) {
  var r = report, columns = r.list(sweep.columns), rows = r.list(sweep.rows);
  var SYMBOLS = ["circle", "square", "triangle-up", "diamond", "cross"];
  var LOSSES = [
    ["dppl_percent", "|ΔPPL| in %"], ["kl_mean", "mean KL divergence"], ["kl_max", "largest KL divergence"],
    ["cosine_mean", "1 - cosine, mean"], ["cosine_min", "1 - cosine, largest"],
    ["top1_agreement", "share of other top-1 tokens"], ["max_logit_error", "largest logit error"]
  ];
  var COSTS = [
    ["spikes_per_neuron_into_weights", "spikes per neuron and window, into weights"],
    ["spikes_per_neuron", "spikes per neuron and window"], ["spikes", "spikes"],
    ["synaptic_operations", "synaptic operations"], ["events", "events"], ["latency_timesteps", "latency in timesteps"],
    ["wall_seconds", "wall time in s"]
  ];
  /* Columns that set a point rather than measure it; a text column that is not known is a setting too. */
  var SETTINGS = [
    "model", "reference", "context", "code", "oat", "threshold", "percentile", "calibration", "hg", "weights",
    "drop_spikes", "threshold_noise", "seed", "tokens"
  ];

  function at(name) { return columns.indexOf(name); }
  function first(names) {
    return names.filter(function(name) { return at(name) >= 0; })[0];
  }
  function differs(c) {
    return rows.some(function(row) { return row[c] !== rows[0][c]; });
  }
  function known(pairs) {
    return pairs.filter(function(pair) { return rows.some(function(row) { return r.isNumber(row[at(pair[0])]); }); })
      .map(function(pair) { return {name: pair[0], text: pair[1]}; });
  }
  var time = first(["timesteps", "T"]), losses = known(LOSSES);
  var costs =
    known(COSTS.concat(columns.filter(function(name) { return /_spiking_joules$/.test(name); }).map(function(name) {
      return [name, "joules, spiking, " + name.slice(0, -15)];
    })));
  var settings = columns.filter(function(name, c) {
    if (name === time || /_hash$/.test(name) || rows.length === 0 || !differs(c)) return false;
    return SETTINGS.indexOf(name) >= 0 || rows.some(function(row) { return typeof row[c] === "string"; });
  });

  function seriesName(row) {
    var parts = settings.map(function(name) {
      var value = row[at(name)];
      return value === null ? "" : (/^(code|weights|model)$/.test(name) ? "" : name.replace(/_/g, " ") + " ") + value;
    });
    return parts.filter(String).join(", ") || "all points";
  }
  var names = [], points = rows.map(function(row) {
    var name = seriesName(row), series = names.indexOf(name);
    if (series < 0) series = names.push(name) - 1;
    return {row: row, series: series, name: name, T: time ? row[at(time)] : null};
  });
  function loss(point, name) {
    var value = point.row[at(name)];
    return !r.isNumber(value)          ? null
           : name === "top1_agreement" ? Math.max(0, 1 - (value > 1 ? value / 100 : value))
           : /^cosine_/.test(name)     ? Math.max(0, 1 - value)
                                       : Math.abs(value);
  }
  function pointText(point) {
    return point.name + (point.T !== null ? "\nT = " + point.T : "") +
           losses.concat(costs)
             .slice(0, 9)
             .map(function(c) {
               var value = point.row[at(c.name)];
               return r.isNumber(value) ? "\n" + c.name.replace(/_/g, " ") + " " + r.real(value, 4) : "";
             })
             .join("");
  }

  /* Series that lie over each other show: the ones beneath are larger. */
  function symbolOf(s) {
    return d3.svg.symbol().type(SYMBOLS[s % SYMBOLS.length]).size(44 + 36 * Math.min(3, names.length - 1 - s));
  }
  /* A logarithmic axis; what is 0 lies on its lower edge. */
  function logScale(values, range) {
    var positive = values.filter(function(v) { return v > 0; }), low = d3.min(positive) || 0.1,
        high = d3.max(positive) || 1;
    var bottom = Math.pow(10, Math.floor(Math.log(low) / Math.LN10 - 0.2)),
        top = Math.pow(10, Math.ceil(Math.log(high) / Math.LN10 + 0.01));
    var scale = d3.scale.log().domain([bottom, Math.max(top, bottom * 10)]).range(range).clamp(true);
    var decades =
      d3.range(Math.round(Math.log(bottom) / Math.LN10), Math.round(Math.log(scale.domain()[1]) / Math.LN10) + 1);
    var every = Math.max(1, Math.ceil(decades.length / 8));
    scale.values =
      decades.filter(function(d, i) { return i % every === 0; }).map(function(d) { return Math.pow(10, d); });
    scale.at = function(value) { return scale(Math.max(value, bottom)); };
    return scale;
  }
  function power(value) {
    return value >= 0.01 && value < 1e4 ? r.short(value) : value.toExponential(0).replace("e+", "e");
  }

  /* No other point has both less cost and less loss. */
  function front(drawn) {
    var best = Infinity;
    return drawn.slice().sort(function(a, b) { return a.x - b.x || a.y - b.y; }).filter(function(point) {
      if (point.y >= best) return false;
      best = point.y;
      return true;
    });
  }

  function plotPoints(plot, width, item, options) {
    var left = 66, height = 300, bottom = 46, inner = width - left - 28, drawn = [];
    points.forEach(function(point) {
      var x = options.x(point), y = loss(point, options.loss.name);
      if (r.isNumber(x) && y !== null)
        drawn.push(
          {point: point, x: x, y: y, below: options.loss.name === "dppl_percent" && point.row[at("dppl_percent")] < 0});
    });
    var y = logScale(drawn.map(function(d) { return d.y; }), [height, 0]), x = d3.scale.linear().range([0, inner]);
    var low = d3.min(drawn, function(d) { return d.x; }) || 0, high = d3.max(drawn, function(d) { return d.x; }) || 1;
    x.domain(options.whole ? [low - 0.5, high + 0.5] : [0, high * 1.05 || 1]);
    var svg = r.svg(plot, width, height + bottom + 12),
        area = svg.append("g").attr("transform", "translate(" + left + ",8)");
    r.axis(area, "left", y, {size: -inner, className: "axis gridlines", values: y.values, format: power});
    var whole = options.whole
                  ? drawn.map(function(d) { return d.x; }).filter(function(t, i, all) { return all.indexOf(t) === i; })
                  : null;
    if (whole && whole.length > Math.max(4, inner / 18)) whole = null;
    r.axis(area, "bottom", x, {y: height, ticks: Math.max(3, inner / 90), values: whole, format: r.short});
    area.append("text")
      .attr("class", "title")
      .attr("x", inner / 2)
      .attr("y", height + 40)
      .attr("text-anchor", "middle")
      .text(options.xTitle);
    area.append("text")
      .attr("class", "title")
      .attr("transform", "translate(-52," + height / 2 + ")rotate(-90)")
      .attr("text-anchor", "middle")
      .text(options.loss.text);
    names.forEach(function(name, s) {
      var own = drawn.filter(function(d) { return d.point.series === s; }).sort(function(a, b) { return a.x - b.x; });
      var group = area.append("g").attr("class", "series s" + s % 8), symbol = symbolOf(s);
      if (options.curves && own.length > 1)
        group.append("path")
          .attr("class", "curve")
          .attr("d", d3.svg.line().x(function(d) { return x(d.x); }).y(function(d) { return y.at(d.y); })(own));
      group.selectAll(".point")
        .data(own)
        .enter()
        .append("path")
        .attr("class", function(d) { return "point" + (d.below ? " below" : ""); })
        .attr("d", symbol)
        .attr("transform", function(d) { return "translate(" + x(d.x) + "," + y.at(d.y) + ")"; })
        .on("mousemove", function(d) { r.tip(pointText(d.point)); })
        .on("mouseout", function() { r.tip(null); });
    });
    if (options.front) {
      var edge = front(drawn);
      area.append("path")
        .attr("class", "front")
        .attr("d", d3.svg.line()
                     .x(function(d) { return x(d.x); })
                     .y(function(d) { return y.at(d.y); })
                     .interpolate("step-after")(edge));
      item.section.attr("data-front", edge.length);
      item.front.html("");
      r.table(item.front, "points on the front, cheapest first",
        settings.concat(time ? ["T"] : [], [options.xTitle, options.loss.text]), edge.map(function(d) {
          return settings.map(function(name) { return d.point.row[at(name)]; }).concat(time ? [d.point.T] : [], [
            d.x, d.y
          ]);
        }));
    }
    var entries = names.slice(0, 40).map(function(name, s) {
      return {
        text: name,
        draw: function(span) {
          span.append("svg")
            .attr("width", 14)
            .attr("height", 14)
            .append("g")
            .attr("class", "series s" + s % 8)
            .append("path")
            .attr("class", "point")
            .attr("transform", "translate(7,7)")
            .attr("d", symbolOf(s)());
        }
      };
    });
    if (names.length > entries.length)
      entries.push({text: "and " + (names.length - entries.length) + " more", draw: function() {}});
    if (names.length > 1) r.legend(item, entries);
    return drawn.length;
  }

  var hollow = "Logarithmic; a point at 0 lies on the lower edge." +
               (losses.some(function(l) { return l.name === "dppl_percent"; })
                   ? " Hollow: the spiking network's perplexity is the lower one."
                   : "");
  if (losses.length > 0 && time) {
    var lossByTime = losses[0];
    r.figure({
      id: "loss",
      title: "Loss against T",
      caption: hollow,
      setUp: function(item) {
        if (losses.length > 1) r.select(item, "loss", losses, 0, function(value) { lossByTime = value; });
      },
      draw: function(plot, width, item) {
        return plotPoints(plot, width, item, {
          x: function(point) { return point.T; },
          whole: true,
          loss: lossByTime,
          curves: true,
          xTitle: "timesteps of a window, T"
        });
      }
    });
  }
  if (losses.length > 0 && costs.length > 0) {
    var lossByCost = losses[0], cost = costs[0];
    r.figure({
      id: "pareto",
      title: "Loss against spikes",
      caption: hollow + " Dashed: the Pareto front, points that no other beats in both.",
      setUp: function(item) {
        if (losses.length > 1) r.select(item, "loss", losses, 0, function(value) { lossByCost = value; });
        if (costs.length > 1) r.select(item, "cost", costs, 0, function(value) { cost = value; });
        item.front = item.section.append("div");
      },
      draw: function(plot, width, item) {
        return plotPoints(plot, width, item,
          {x: function(point) { return point.row[at(cost.name)]; }, loss: lossByCost, front: true, xTitle: cost.text});
      }
    });
  }
  var section = d3.select("#main").append("section").attr("class", "figure unprinted").attr("id", "rows");
  section.append("h2").text("Rows of the sweep");
  if (losses.length === 0)
    section.append("p")
      .attr("class", "caption")
      .text("No column of this sweep is a loss that this page knows (" +
            LOSSES.map(function(l) { return l[0]; }).join(", ") + ").");
  if (sweep.left_out)
    section.append("p")
      .attr("class", "caption")
      .text(r.plural(sweep.left_out, "row") + " more than a page holds are left out.");
  if (sweep.cut)
    section.append("p").attr("class", "caption").text("The last line of the file is cut off and left out.");
  r.table(section, r.plural(rows.length, "row"), columns, rows);
};
