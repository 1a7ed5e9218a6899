/* The page's frame: data, numbers, figures that are drawn again when the width changes, hover texts, tables. */
"use strict";
var report = (function() {
  var data = JSON.parse(document.getElementById("data").textContent);
  var figures = [], tip, printing = false;

  function isNumber(value) { return typeof value === "number" && isFinite(value); }
  /* value if it is a number, else 0: the files are anybody's. */
  function number(value) { return isNumber(value) ? value : 0; }
  function list(value) { return Array.isArray(value) ? value : []; }
  function object(value) { return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {}; }
  function sum(values) {
    return list(values).reduce(function(total, value) { return total + number(value); }, 0);
  }

  /* 1234567 -> "1,234,567" up to seven digits, then "12.3 M". */
  function count(value) {
    if (!isNumber(value)) return "–";
    if (Math.abs(value) < 1e7) return d3.format(",")(Math.round(value));
    var units = [[1e15, " P"], [1e12, " T"], [1e9, " G"], [1e6, " M"]], i = 0;
    while (i < 3 && Math.abs(value) < units[i][0]) i++;
    return (value / units[i][0]).toPrecision(4) + units[i][1];
  }
  /* Axis ticks: "250", "1.5k", "20M". */
  function short(value) {
    var units = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
    if (Math.abs(value) >= 1e15) return value.toExponential(1).replace("e+", "e");
    for (var i = 0; i < units.length; i++)
      if (Math.abs(value) >= units[i][0]) return +(value / units[i][0]).toPrecision(4) + units[i][1];
    return String(+value.toPrecision(4));
  }
  function real(value, digits) {
    if (!isNumber(value)) return "–";
    if (value === 0) return "0";
    var size = Math.abs(value);
    return size >= 1e6 || size < 1e-3 ? value.toExponential((digits || 3) - 1)
                                      : String(+value.toPrecision(digits || 3));
  }
  function percent(part, whole) {
    if (!(whole > 0)) return "–";
    var share = 100 * part / whole;
    return (share > 0 && share < 0.1 ? share.toPrecision(1) : share.toFixed(share < 10 ? 1 : 0)) + " %";
  }
  function joules(value) {
    if (!isNumber(value)) return "–";
    var units = [[1, "J"], [1e-3, "mJ"], [1e-6, "µJ"], [1e-9, "nJ"], [1e-12, "pJ"]], i = 0;
    while (i < 4 && Math.abs(value) < units[i][0]) i++;
    return real(value / units[i][0], 4) + " " + units[i][1];
  }
  function plural(value, word) { return count(value) + " " + word + (value === 1 ? "" : "s"); }

  /* "layers.3.norm1.ln" -> "norm1.ln"; a layer's number is a row of its own in every figure. */
  function role(name) { return String(name).replace(/^layers\.\d+\./, ""); }
  /* Layers beyond the blocks, as the final norm's: their populations are called otherwise than "layers.N....". */
  var beyond = (function() {
    var found = {}, block = /^layers\.\d+\./,
        all = list(object(data.trace).populations).concat(list(object(data.metrics).populations));
    all = all.map(object);
    if (!all.some(function(p) { return block.test(p.name); })) return found;
    all.forEach(function(p) {
      if (p.layer >= 0 && !block.test(p.name)) found[p.layer] = true;
    });
    return found;
  }());
  function layerName(layer) { return layer < 0 ? "input" : beyond[layer] ? "final" : "layer " + layer; }

  function clip(text, length) { return text.length > length ? text.slice(0, length - 1) + "…" : text; }

  function showTip(text) {
    if (!tip) tip = d3.select(document.body).append("div").attr("id", "tip");
    if (!text) {
      tip.style("display", "none");
      return;
    }
    var event = d3.event, x = event.clientX + 14, y = event.clientY + 16;
    tip.style("display", "block").text(text);
    var box = tip.node().getBoundingClientRect();
    if (x + box.width > window.innerWidth - 6) x = Math.max(6, event.clientX - box.width - 10);
    if (y + box.height > window.innerHeight - 6) y = event.clientY - box.height - 10;
    tip.style("left", x + "px").style("top", y + "px");
  }

  /* A figure: draw(plot, width) fills the empty selection plot and returns how many marks it drew. */
  function figure(options) {
    var section = d3.select("#main").append("section").attr("class", "figure").attr("id", options.id);
    section.append("h2").text(options.title);
    var caption = section.append("p").attr("class", "caption");
    var controls = section.append("div").attr("class", "controls").style("display", "none");
    var item = {
      id: options.id,
      section: section,
      caption: caption,
      controls: controls,
      plot: section.append("div").attr("class", "plot"),
      draw: options.draw,
      least: options.least || 0
    };
    if (options.caption) caption.text(options.caption);
    item.legend = section.append("div").attr("class", "legend");
    if (options.setUp) options.setUp(item);
    figures.push(item);
    redraw(item);
    return item;
  }
  function redraw(item) {
    var room = printing ? 680 : item.section.node().clientWidth, width = Math.max(room, printing ? 0 : item.least);
    item.plot.html("").style("height", null);
    item.section.attr("data-marks", item.draw(item.plot, width, item) || 0);
    var plot = item.plot.node();
    item.section.classed("wide", !printing && plot.scrollWidth > plot.clientWidth + 1);
  }
  function redrawAll() { figures.forEach(redraw); }
  function select(item, label, values, chosen, changed) {
    item.controls.style("display", null);
    var box = item.controls.append("label");
    box.append("span").text(label);
    var menu = box.append("select").attr("aria-label", label).on("change", function() {
      changed(values[this.selectedIndex]);
      redraw(item);
    });
    values.forEach(function(value, i) { menu.append("option").text(value.text).property("selected", i === chosen); });
    return menu;
  }
  function button(item, label, title, pressed) {
    item.controls.style("display", null);
    item.controls.append("button")
      .attr("type", "button")
      .attr("title", title)
      .attr("aria-label", title)
      .text(label)
      .on("click", pressed);
  }
  /* entries: [{key: class, text}]. */
  function legend(item, entries) {
    item.legend.html("");
    entries.forEach(function(entry) {
      var span = item.legend.append("span");
      if (entry.draw)
        entry.draw(span);
      else
        span.append("i").attr("class", "key " + entry.key);
      span.append("span").text(entry.text);
    });
  }

  /* rows: lists of texts and numbers under the names in head; folded away unless opened. */
  function table(parent, title, head, rows, least) {
    var shown = rows.slice(0, 400);
    var box = parent.append("details").attr("class", "unprinted");
    box.append("summary").text(
      title + (shown.length < rows.length ? " (the first " + shown.length + " of " + rows.length + ")" : ""));
    var body = box.append("div").attr("class", "scroll").append("table");
    var isText = head.map(function(name,
      i) { return rows.some(function(row) { return typeof row[i] === "string" && !/^[–\d-]/.test(row[i]); }); });
    body.append("thead")
      .append("tr")
      .selectAll("th")
      .data(head)
      .enter()
      .append("th")
      .attr("class", function(name, i) { return isText[i] ? "text" : null; })
      .text(String);
    body.append("tbody")
      .selectAll("tr")
      .data(shown)
      .enter()
      .append("tr")
      .selectAll("td")
      .data(function(row) { return row; })
      .enter()
      .append("td")
      .attr("class", function(value, i) { return isText[i] ? "text" : null; })
      .text(function(value) {
        return value === null || value === undefined ? ""
               : typeof value === "number"           ? (Number.isInteger(value) ? count(value) : real(value, 5))
                                                     : String(value);
      });
  }

  function svg(plot, width, height) {
    return plot.append("svg").attr("width", width).attr("height", height).attr("role", "img");
  }
  /* An axis below (orient "bottom") or left of a plot, with its title. */
  function axis(parent, orient, scale, options) {
    var axis = d3.svg.axis()
                 .scale(scale)
                 .orient(orient)
                 .tickSize(options.size === undefined ? 5 : options.size, 0)
                 .tickPadding(5);
    if (options.values)
      axis.tickValues(options.values);
    else
      axis.ticks(options.ticks || 6);
    axis.tickFormat(options.format || short);
    return parent.append("g")
      .attr("class", options.className || "axis")
      .attr("transform", "translate(" + (options.x || 0) + "," + (options.y || 0) + ")")
      .call(axis);
  }

  window.addEventListener("beforeprint", function() {
    printing = true;
    redrawAll();
  });
  window.addEventListener("afterprint", function() {
    printing = false;
    redrawAll();
  });
  var width = 0, timer, main = document.getElementById("main");
  function widthChanged() {
    if (main.clientWidth === width || printing) return;
    width = main.clientWidth;
    clearTimeout(timer);
    timer = setTimeout(redrawAll, 60);
  }
  if (window.ResizeObserver)
    new ResizeObserver(widthChanged).observe(main);
  else
    window.addEventListener("resize", widthChanged);
  if (window.matchMedia) window.matchMedia("print").addListener(redrawAll);
  if (window.matchMedia) window.matchMedia("(prefers-color-scheme: dark)").addListener(redrawAll);

  return {
    data: data,
    figures: figures,
    printing: function() { return printing; },
    isNumber: isNumber,
    number: number,
    list: list,
    object: object,
    sum: sum,
    count: count,
    short: short,
    real: real,
    percent: percent,
    joules: joules,
    plural: plural,
    role: role,
    layerName: layerName,
    clip: clip,
    tip: showTip,
    figure: figure,
    redraw: redraw,
    select: select,
    button: button,
    legend: legend,
    table: table,
    svg: svg,
    axis: axis
  };
}());
