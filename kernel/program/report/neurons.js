/* Figures from the trace: layers over time, steps of the window, neurons one by one, outlier channels, tokens. */
report.neurons = (function() {
  var r = report;

  function layerLabels(trace) {
    return trace.layers.map(function(layer) { return r.layerName(layer); });
  }
  function populationsOf(trace) {
    return r.list(trace.populations).filter(function(p) { return p.code !== "input"; });
  }
  function unique(values) {
    return values.filter(function(value, i) { return values.indexOf(value) === i; });
  }

  function byTime(trace) {
    var time = trace.time, rows = layerLabels(trace), total = d3.sum(time.rows, r.sum);
    r.figure({
      id: "time",
      title: "Spikes per layer and timestep",
      caption: "All spikes (" + r.count(total) + "), gates not. A column is " + r.plural(time.bin, "timestep") +
                 "; a window has " + trace.T + "." +
                 (trace.totals.populations_without_layer
                     ? " " + r.plural(trace.totals.populations_without_layer, "population") +
                         " of further layers are not in it."
                     : ""),
      draw: function(plot, width, item) {
        return r.heat(plot, width, item, {
          rows: rows,
          columns: time.columns,
          values: time.rows,
          unit: "spikes in a column",
          widest: 24,
          total: total,
          root: true,
          columnTitle: "timestep",
          columnLabel: function(c) { return r.count(c * time.bin); },
          cellText: function(row, c) {
            return rows[row] + "\ntimesteps " + r.count(c * time.bin) + " to " + r.count((c + 1) * time.bin - 1) +
                   ": " + r.count(time.rows[row][c]) + " spikes";
          }
        });
      }
    });
  }

  /* Sums over the populations that play the same role in every layer. */
  function bySteps(trace) {
    var roles = unique(populationsOf(trace).map(function(p) { return r.role(p.name); })).slice(0, 60);
    var values = roles.map(function(name) {
      var members = populationsOf(trace).filter(function(p) { return r.role(p.name) === name; });
      return d3.range(trace.T).map(function(t) {
        return d3.sum(members, function(p) { return p.steps[t]; }) /
               Math.max(1, d3.sum(members, function(p) { return p.opened; }));
      });
    });
    if (roles.length === 0) return;
    r.figure({
      id: "steps",
      title: "Spikes per neuron and timestep of the window",
      caption: "The mean of all layers: at which of the window's " + trace.T +
                 " timesteps the neurons of a population spike. Early spikes weigh most.",
      draw: function(plot, width, item) {
        return r.heat(plot, width, item, {
          rows: roles,
          columns: trace.T,
          values: values,
          unit: "spikes per neuron that opened a window",
          widest: 44,
          format: function(v) { return r.real(v, 2); },
          columnTitle: "timestep of the window",
          columnLabel: String,
          cellText: function(row, t) { return roles[row] + ", timestep " + t + ": " + r.real(values[row][t]); }
        });
      }
    });
  }

  function histogram(trace) {
    var counted = populationsOf(trace).filter(function(p) { return Array.isArray(p.histogram); });
    if (counted.length === 0) return;
    var roles = unique(counted.map(function(p) { return r.role(p.name); })),
        chosen = {text: "all populations", role: null};
    var options = [chosen].concat(roles.map(function(name) { return {text: name, role: name}; }));
    r.figure({
      id: "distribution",
      title: "Spikes per neuron",
      setUp: function(item) {
        if (roles.length > 1) r.select(item, "populations", options, 0, function(value) { chosen = value; });
      },
      draw: function(plot, width, item) {
        var members = counted.filter(function(p) { return chosen.role === null || r.role(p.name) === chosen.role; });
        var bins = [];
        members.forEach(function(p) { p.histogram.forEach(function(n, i) { bins[i] = (bins[i] || 0) + n; }); });
        var total = d3.sum(bins), left = 58, bottom = 46, height = 240, inner = width - left - 14;
        var x = d3.scale.linear().domain([0, bins.length]).range([0, inner]),
            y = d3.scale.linear().domain([0, d3.max(bins) || 1]).range([height, 0]).nice();
        var svg = r.svg(plot, width, height + bottom + 10),
            area = svg.append("g").attr("transform", "translate(" + left + ",8)");
        r.axis(area, "left", y, {size: -inner, className: "axis gridlines"});
        area.selectAll("rect")
          .data(bins)
          .enter()
          .append("rect")
          .attr("class", function(n, i) { return "bar " + (i === 0 ? "spiking" : "dense0"); })
          .attr("x", function(n, i) { return x(i) + 1; })
          .attr("width", Math.max(1, x(1) - 2))
          .attr("y", function(n) { return y(n); })
          .attr("height", function(n) { return height - y(n); })
          .on("mousemove",
            function(n, i) {
              r.tip((i === 0 ? "silent" : "over " + (i - 1) / 2 + " to " + i / 2 + " spikes per window") + "\n" +
                    r.plural(n, "neuron") + " (" + r.percent(n, total) + ")");
            })
          .on("mouseout", function() { r.tip(null); });
        var edges = d3.scale.linear().domain([0, (bins.length - 1) / 2]).range([x(1), inner]);
        r.axis(area, "bottom", edges, {y: height, ticks: Math.max(4, Math.min(16, inner / 50))});
        area.append("text")
          .attr("class", "minor")
          .attr("x", x(0.5))
          .attr("y", height + 32)
          .attr("text-anchor", "start")
          .attr("dx", -x(0.5))
          .text("silent");
        area.append("text")
          .attr("class", "title")
          .attr("x", inner / 2)
          .attr("y", height + 40)
          .attr("text-anchor", "middle")
          .text("spikes per neuron and window");
        area.append("text")
          .attr("class", "title")
          .attr("transform", "translate(-46," + height / 2 + ")rotate(-90)")
          .attr("text-anchor", "middle")
          .text("neurons");
        item.section.attr("data-total", total);
        item.caption.text(
          r.plural(total, "neuron") + " of " + chosen.text + " that took part in a window; " + r.count(bins[0]) +
          " of them never spiked (" + r.percent(bins[0], total) + ")." +
          (trace.totals.populations_uncounted ? " " + r.plural(trace.totals.populations_uncounted, "population") +
                                                  " were too large to count neuron by neuron."
                                              : ""));
        return bins.filter(function(n) { return n > 0; }).length;
      }
    });
  }

  /* A map of layers x roles; value(p) is a number, or null where there is nothing to say. */
  function grid(trace, options) {
    var members = populationsOf(trace).filter(function(p) { return options.value(p) !== null; });
    if (members.length === 0) return;
    var roles = unique(members.map(function(p) { return r.role(p.name); })).slice(0, 60);
    var layers =
      trace.layers.filter(function(layer) { return members.some(function(p) { return p.layer === layer; }); });
    var at = layers.map(function(layer) {
      return roles.map(function(
        name) { return members.filter(function(p) { return p.layer === layer && r.role(p.name) === name; })[0]; });
    });
    var values = at.map(function(row) { return row.map(function(p) { return p ? options.value(p) : null; }); });
    r.figure({
      id: options.id,
      title: options.title,
      caption: options.caption,
      draw: function(plot, width, item) {
        return r.heat(plot, width, item, {
          rows: layers.map(function(layer) { return r.layerName(layer); }),
          columns: roles.length,
          values: values,
          unit: options.unit,
          format: options.format,
          widest: 60,
          least: 16,
          turned: true,
          columnTitle: "population",
          columnLabel: function(c) { return roles[c]; },
          cellHeight: layers.length < 24 ? 22 : null,
          total: options.total,
          cellText: function(
            row, c) { return at[row][c] ? at[row][c].name + "\n" + options.text(at[row][c]) : "no such population"; }
        });
      }
    });
  }

  function silent(trace) {
    var sum = d3.sum(populationsOf(trace), function(p) { return r.number(p.silent); });
    grid(trace, {
      id: "silent",
      title: "Silent neurons",
      unit: "share that never spiked",
      total: sum,
      caption:
        r.plural(sum, "neuron") + " took part in a window and never spiked. Grey: no such population in that layer.",
      value: function(p) { return p.histogram && r.sum(p.histogram) > 0 ? p.silent / r.sum(p.histogram) : null; },
      format: function(v) { return r.percent(v, 1); },
      text: function(p) {
        return r.count(p.silent) + " of " + r.plural(r.sum(p.histogram), "neuron") + " silent (" +
               r.percent(p.silent, r.sum(p.histogram)) + ")";
      }
    });
  }

  function saturated(trace, metrics) {
    var oat = populationsOf(trace).filter(function(p) { return p.code === "oat"; }),
        full = d3.sum(oat, function(p) { return p.at_largest; });
    var known = metrics && r.object(metrics.totals).saturations, byName = {};
    r.list(metrics && metrics.populations).forEach(function(p) { byName[r.object(p).name] = p; });
    grid(trace, {
      id: "saturated",
      title: "Saturated neurons",
      unit: "windows at the largest code, per neuron and window",
      total: full,
      caption: r.count(full) + " times a neuron sent the largest code it has, which a saturated one does" +
                 (r.isNumber(known) ? "; the run counted " + r.plural(known, "saturation") + "."
                                    : " (only --metrics knows how many of them were saturated)."),
      value: function(p) { return p.code === "oat" && p.opened > 0 ? p.at_largest / p.opened : null; },
      format: function(v) { return v === 0 ? "0" : r.percent(v, 1); },
      text: function(p) {
        var own = r.object(byName[p.name]).saturations;
        return "largest code: " + r.count(p.at_largest) + " of " + r.count(p.opened) + " neuron windows" +
               (r.isNumber(p.neurons_at_largest) ? ", " + r.plural(p.neurons_at_largest, "neuron") : "") +
               (r.isNumber(own) ? "\nsaturations: " + r.count(own) : "");
      }
    });
  }

  function outliers(trace) {
    var found = trace.outliers;
    if (!found || !found.spikes) return;
    var names = found.populations.map(function(p) { return trace.populations[p].name; });
    r.figure({
      id: "outliers",
      title: "Outlier channels",
      caption: "Outlier spikes of the norms' outputs by channel: " + r.count(found.spikes_drawn) + " of " +
                 r.count(found.spikes) + " (" + r.percent(found.spikes_drawn, found.spikes) + ") come from the " +
                 r.plural(found.indices.length, "channel") + " drawn, the busiest of " +
                 r.count(found.spiking_channels) + " that have any, of " + r.plural(found.channels, "channel") + ".",
      draw: function(plot, width, item) {
        return r.heat(plot, width, item, {
          rows:
            names.map(function(name) { return name.replace(/^layers\.(\d+)\./, "layer $1 ").replace(/\.ln$/, ""); }),
          columns: found.indices.length,
          values: found.rows,
          unit: "outlier spikes",
          columnTitle: "channel",
          turned: true,
          least: 15,
          widest: 30,
          columnLabel: function(c) { return String(found.indices[c]); },
          total: found.spikes,
          cellText: function(row, c) {
            return names[row] + ", channel " + found.indices[c] + "\n" + r.plural(found.rows[row][c], "outlier spike") +
                   "\nall norms: " + r.count(found.sums[c]);
          }
        });
      }
    });
  }

  function tokens(trace, metrics) {
    var grid = trace.tokens, rows = layerLabels(trace), ids = r.list(trace.token_ids),
        texts = r.list(trace.token_texts), total = d3.sum(grid.rows, r.sum);
    r.list(metrics && metrics.tokens).forEach(function(token, i) {
      if (texts[i] === undefined && typeof r.object(token).text === "string") texts[i] = token.text;
    });
    function visible(text) { return text.replace(/ /g, "␣").replace(/\n/g, "↵"); }
    function label(c) {
      if (grid.bin > 1) return r.count(c * grid.bin);
      if (texts[c]) return visible(texts[c]);
      return texts.length === 0 && ids.length && ids[c] !== null ? "id " + ids[c] : String(c);
    }
    var named = grid.bin === 1 && grid.columns <= 120 && (texts.length > 0 || ids.length > 0);
    r.figure({
      id: "tokens",
      title: "Token by token",
      caption: "Spikes of each token in each layer, " + r.count(total) + " in all" +
                 (grid.bin > 1 ? "; a column is " + grid.bin + " tokens." : ".") +
                 (texts.length === 0 && ids.length ? " With --model the tokens are named by their texts." : ""),
      draw: function(plot, width, item) {
        return r.heat(plot, width, item, {
          rows: rows,
          columns: grid.columns,
          values: grid.rows,
          unit: "spikes",
          widest: 40,
          least: named ? 15 : 1,
          turned: named,
          total: total,
          columnTitle: "token",
          columnLabel: named ? label : function(c) { return r.count(c * grid.bin); },
          cellText: function(row, c) {
            return rows[row] + ", token " + r.count(c * grid.bin) +
                   (grid.bin > 1 ? " to " + r.count((c + 1) * grid.bin - 1) : "") +
                   (texts[c] ? " \"" + visible(texts[c]) + "\"" : "") +
                   (ids[c] !== undefined && ids[c] !== null ? " (id " + ids[c] + ")" : "") + "\n" +
                   r.plural(grid.rows[row][c], "spike");
          }
        });
      }
    });
  }

  function table(trace) {
    var section = d3.select("#main").append("section").attr("class", "figure unprinted").attr("id", "populations");
    section.append("h2").text("Populations");
    if (trace.populations.length < trace.totals.populations)
      section.append("p")
        .attr("class", "caption")
        .text("The first " + trace.populations.length + " of " + r.count(trace.totals.populations) + " populations.");
    r.table(section, "counters of every population",
      [
        "population", "code", "T", "neurons", "fan-out", "windows", "spikes", "negative", "outlier", "gates",
        "spikes per neuron and window", "active share", "silent neurons", "at the largest code", "synaptic operations"
      ],
      trace.populations.map(function(p) {
        return [
          p.name, p.code, p.T, p.neurons, p.fan_out, p.windows, p.spikes, p.spikes_negative, p.spikes_outlier,
          p.spikes_gate, p.opened ? p.spikes / p.opened : null, p.opened ? r.percent(p.active_neurons, p.opened) : null,
          p.silent === undefined ? null : p.silent, p.at_largest, p.synaptic_operations
        ];
      }));
  }

  return {
    byTime: byTime,
    bySteps: bySteps,
    histogram: histogram,
    silent: silent,
    saturated: saturated,
    outliers: outliers,
    tokens: tokens,
    table: table
  };
}());
