/* Figures from the metrics: energy on both sides, break-even, operations by layer, spikes by token. */
report.costs = (function() {
  var r = report;

  /* The dense sides of a table: {key, text, joules}; the widths if they are there, else the one number. */
  function denseSides(row) {
    var sides = Object.keys(row)
                  .filter(function(key) { return /^dense_.+_joules$/.test(key) && r.isNumber(row[key]); })
                  .map(function(key) { return {width: key.slice(6, -7), joules: row[key]}; });
    if (sides.length === 0 && r.isNumber(row.dense_joules)) sides = [{width: "", joules: row.dense_joules}];
    return sides.map(function(side, i) {
      return {
        key: "dense" + Math.min(2, i),
        text: "dense" + (side.width ? " " + side.width : ""),
        width: side.width,
        joules: side.joules
      };
    });
  }
  function tables(metrics) {
    var energy = r.object(metrics.energy);
    return Object.keys(energy)
      .map(function(name) {
        var row = r.object(energy[name]), bars = denseSides(row);
        if (r.isNumber(row.spiking_joules)) bars.unshift({key: "spiking", text: "spiking", joules: row.spiking_joules});
        return {name: name, row: row, bars: bars};
      })
      .filter(function(table) { return table.bars.length > 0; })
      .slice(0, 64);
  }
  function breakEven(row, width) {
    var value = width ? row["break_even_" + width] : row.break_even;
    return r.isNumber(value) ? value : null;
  }
  /* The lines under a table's bars: its break-even, and where the run stands. */
  function verdict(table, rate, narrow) {
    var parts = [];
    table.bars.forEach(function(bar) {
      var value = bar.key === "spiking" ? null : breakEven(table.row, bar.width);
      if (value !== null) parts.push((bar.width ? bar.width + " " : "") + r.real(value, 3));
    });
    if (parts.length === 0) return [];
    var lines = [
      "break-even: " + parts.join(", "),
      "spikes per neuron and window" + (rate === null ? "" : "; here " + r.real(rate, 3))
    ];
    return narrow ? lines : [lines.join(" ")];
  }
  /* Spikes per neuron and window, inputs apart: threshold tests are T a neuron that opened one. */
  function rateOf(metrics) {
    var spikes = 0, opened = 0;
    r.list(metrics.populations).map(r.object).forEach(function(p) {
      if (p.code === "input" || !r.isNumber(p.spikes) || !r.isNumber(p.threshold_tests)) return;
      spikes += p.spikes;
      opened += p.threshold_tests / (p.timesteps || metrics.window_timesteps);
    });
    return opened > 0 && isFinite(opened) ? spikes / opened : null;
  }

  function energy(metrics) {
    var all = tables(metrics), rate = rateOf(metrics), keys = {};
    if (all.length === 0) return;
    all.forEach(function(table) { table.bars.forEach(function(bar) { keys[bar.key] = bar.text; }); });
    r.figure({
      id: "energy",
      title: "Energy, spiking against dense",
      caption: "Every cost table has a scale of its own: compare bars within a table, never across. " +
                 "What a table counts and leaves out is its source's matter; compute-only tables leave out memory.",
      draw: function(plot, width, item) {
        var narrow = width < 640, left = narrow ? 12 : 150, numbers = 84, line = 17, marks = 0,
            inner = width - left - numbers;
        /* A drawing for each table, so that a printed page breaks between them. */
        all.forEach(function(table) {
          var svg = r.svg(plot, width, 10), y = 4;
          var x = d3.scale.linear().domain([0, d3.max(table.bars, function(bar) { return bar.joules; }) || 1]).range([
            0, inner
          ]),
              lines = verdict(table, rate, narrow);
          if (narrow) y += 14;
          var name = svg.append("text")
                       .attr("x", narrow ? 0 : left - 8)
                       .attr("y", narrow ? y : y + 13)
                       .attr("text-anchor", narrow ? "start" : "end")
                       .attr("font-weight", 600)
                       .text(r.clip(table.name, narrow ? 40 : 21));
          if (narrow) y += 6;
          if (typeof table.row.source === "string")
            name.on("mousemove", function() { r.tip(table.name + "\n" + table.row.source); })
              .on("mouseout", function() { r.tip(null); });
          table.bars.forEach(function(bar) {
            svg.append("rect")
              .attr("class", "bar " + bar.key)
              .attr("x", left)
              .attr("y", y)
              .attr("width", Math.max(1, x(bar.joules)))
              .attr("height", line - 3)
              .attr("data-table", table.name)
              .attr("data-side", bar.text)
              .attr("data-joules", bar.joules)
              .on("mousemove", function() { r.tip(table.name + ", " + bar.text + ": " + r.joules(bar.joules)); })
              .on("mouseout", function() { r.tip(null); });
            svg.append("text")
              .attr("x", left + Math.max(1, x(bar.joules)) + 6)
              .attr("y", y + 12)
              .text(r.joules(bar.joules));
            y += line;
            marks++;
          });
          lines.forEach(function(text) {
            svg.append("text").attr("class", "minor").attr("x", left).attr("y", y + 11).text(text);
            y += 16;
          });
          svg.attr("height", y + 12);
        });
        r.legend(item, ["spiking", "dense0", "dense1", "dense2"]
                         .filter(function(key) { return keys[key]; })
                         .map(function(key) { return {key: key, text: keys[key]}; }));
        return marks;
      }
    });
  }

  /* Horizontal bars: rows [{label, bars: [{key, value, text}], mark: {value, text}}]. */
  function bars(plot, width, rows, options) {
    var left = 84, line = options.line || 13, gap = 8, y = 6, marks = 0, inner = width - left - 24;
    var top = d3.max(rows, function(row) {
      return Math.max(d3.max(row.bars, function(b) { return b.value; }), row.mark ? row.mark.value : 0);
    }) || 1;
    var x = d3.scale.linear().domain([0, top]).range([0, inner]).nice();
    var height = d3.sum(rows, function(row) { return row.bars.length * line + gap; }),
        svg = r.svg(plot, width, height + 48);
    r.axis(svg, "bottom", x, {
      x: left,
      y: height + 4,
      size: -height,
      className: "axis gridlines",
      ticks: Math.max(3, inner / 110),
      format: options.format
    });
    rows.forEach(function(row) {
      var start = y, tall = row.bars.length * line;
      svg.append("text").attr("x", left - 6).attr("y", y + tall / 2 + 4).attr("text-anchor", "end").text(row.label);
      row.bars.forEach(function(bar) {
        svg.append("rect")
          .attr("class", "bar " + bar.key)
          .attr("x", left)
          .attr("y", y)
          .attr("width", Math.max(bar.value > 0 ? 1 : 0, x(bar.value)))
          .attr("height", line - 1)
          .attr("data-value", bar.value)
          .on("mousemove", function() { r.tip(row.label + "\n" + bar.text); })
          .on("mouseout", function() { r.tip(null); });
        y += line;
        marks++;
      });
      if (row.mark)
        svg.append("path")
          .attr("class", "mark")
          .attr("d", "M" + (left + x(row.mark.value)) + "," + (start - 3) + "v" + (tall + 5))
          .on("mousemove", function() { r.tip(row.label + "\n" + row.mark.text); })
          .on("mouseout", function() { r.tip(null); });
      y += gap;
    });
    svg.append("text")
      .attr("class", "title")
      .attr("x", left + inner / 2)
      .attr("y", height + 42)
      .attr("text-anchor", "middle")
      .text(options.title);
    return marks;
  }

  function layersOf(metrics) {
    var rows = r.list(metrics.layers).map(r.object);
    return rows.map(function(row) { return {row: row, label: r.layerName(row.layer)}; });
  }

  function atBreakEven(metrics) {
    var layers = layersOf(metrics).filter(function(l) { return r.isNumber(l.row.spikes_per_neuron) && l.row.energy; }),
        options = [];
    tables(metrics).forEach(function(table) {
      table.bars.forEach(function(bar) {
        var width = bar.width;
        if (width && layers.some(function(l) { return breakEven(r.object(l.row.energy[table.name]), width) !== null; }))
          options.push({text: table.name + ", against " + width, table: table.name, width: width});
      });
    });
    if (options.length === 0) return;
    var chosen = options[0];
    r.figure({
      id: "breakeven",
      title: "Spikes against break-even, by layer",
      caption:
        "Bars: spikes per neuron and window. Upright marks: where this layer would cost what the dense network costs; " +
          "a bar that ends left of its mark is cheaper than dense.",
      setUp: function(item) { r.select(item, "cost table", options, 0, function(value) { chosen = value; }); },
      draw: function(plot, width) {
        return bars(plot, width, layers.map(function(l) {
          var even = breakEven(r.object(l.row.energy[chosen.table]), chosen.width), rate = l.row.spikes_per_neuron;
          return {
            label: l.label,
            bars: [{key: "spiking", value: rate, text: r.real(rate) + " spikes per neuron and window"}],
            mark: even === null ? null : {value: even, text: "break-even at " + r.real(even)}
          };
        }),
          {title: "spikes per neuron and window", line: 16});
      }
    });
  }

  function operations(metrics) {
    var layers = layersOf(metrics).filter(function(l) { return r.isNumber(l.row.synaptic_operations); });
    if (layers.length === 0) return;
    var kinds = [
      {key: "spiking", name: "synaptic_operations", text: "synaptic operations"},
      {key: "dense2", name: "spike_product_operations", text: "spike-product operations"},
      {key: "dense0", name: "dense_macs", text: "dense multiply-accumulates"}
    ];
    r.figure({
      id: "operations",
      title: "Operations by layer",
      caption:
        "Additions that spikes caused, against the multiply-accumulates of the dense network for the same tokens.",
      draw: function(plot, width, item) {
        r.legend(item, kinds);
        item.section.attr("data-total", d3.sum(layers, function(l) { return l.row.synaptic_operations; }));
        return bars(plot, width, layers.map(function(l) {
          return {
            label: l.label,
            bars: kinds.map(function(kind) {
              var value = r.number(l.row[kind.name]);
              return {key: kind.key, value: value, text: kind.text + ": " + r.count(value)};
            })
          };
        }),
          {title: "operations"});
      }
    });
  }

  function verdicts(metrics) {
    var layers =
      layersOf(metrics).filter(function(l) { return l.row.verdicts && r.isNumber(l.row.spikes_per_neuron); });
    if (layers.length === 0) return;
    var names = Object.keys(r.object(layers[0].row.verdicts));
    var section = d3.select("#main").append("section").attr("class", "figure").attr("id", "verdicts");
    section.append("h2").text("Published thresholds, by layer");
    section.append("p")
      .attr("class", "caption")
      .text("Whether a spiking network of this activity was found to win. " +
            "They come from rate-coded networks, where every spike is worth one.");
    r.table(section, "verdict of every layer",
      ["layer", "spikes per neuron and window", "spikes per neuron and timestep", "spikes per synapse"].concat(names),
      layers.map(function(l) {
        return [l.label, l.row.spikes_per_neuron, l.row.spike_rate, l.row.spikes_per_synapse].concat(
          names.map(function(name) { return l.row.verdicts[name]; }));
      }));
    section.select("details").property("open", layers.length <= 16).classed("unprinted", layers.length > 16);
  }

  /* Where there is no trace: each token's spikes, all layers together. */
  function tokens(metrics) {
    var rows = r.list(metrics.tokens).map(r.object).filter(function(token) { return r.isNumber(token.spikes); });
    if (rows.length === 0) return;
    var left = r.object(metrics.left_out).tokens;
    r.figure({
      id: "tokens",
      title: "Token by token",
      caption: "Spikes of each token, all layers together; --trace shows them by layer." +
                 (left ? " The first " + rows.length + " tokens; " + r.count(left) + " more are not drawn." : ""),
      draw: function(plot, width, item) {
        var named = rows.length <= 120 && typeof rows[0].text === "string";
        return r.heat(plot, width, item, {
          rows: ["all layers"],
          columns: rows.length,
          values: [rows.map(function(t) { return t.spikes; })],
          unit: "spikes",
          widest: 40,
          least: named ? 15 : 1,
          turned: named,
          columnTitle: "token",
          columnLabel: function(c) { return named ? rows[c].text : String(c); },
          cellHeight: 26,
          total: d3.sum(rows, function(t) { return t.spikes; }),
          cellText: function(row, c) {
            return "token " + c + (typeof rows[c].text === "string" ? " \"" + rows[c].text + "\"" : "") + "\n" +
                   r.plural(rows[c].spikes, "spike");
          }
        });
      }
    });
  }

  return {energy: energy, atBreakEven: atBreakEven, operations: operations, verdicts: verdicts, tokens: tokens};
}());
