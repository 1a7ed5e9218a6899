/* Heat maps: rows x columns of numbers in ten classes of one colour; 0 is the page's ground, absent cells are grey. */
report.heat = (function() {
  var CLASSES = 10;

  /* Widest label in pixels, about. */
  function labelWidth(labels, most) {
    return Math.min(most, 10 + 7.3 * d3.max(labels.concat("0000"), function(label) { return label.length; }));
  }
  /* Classes are equal steps of the value, or (root) of its square root, so that rows of little spiking show too. */
  function classOf(value, top, root) {
    var share = root ? Math.sqrt(value / top) : value / top;
    return Math.min(CLASSES - 1, Math.max(0, Math.ceil(CLASSES * share) - 1));
  }
  /* Every how manieth label fits. */
  function stride(size, room) { return Math.max(1, Math.ceil(room / size)); }

  function drawCells(parent, options, top, cell) {
    var paths = [], marks = 0;
    options.values.forEach(function(row, r) {
      row.forEach(function(value, c) {
        if (value === 0) return;
        var key = report.isNumber(value) ? "q" + classOf(value, top, options.root) : "absent";
        paths[key] = (paths[key] || "") + "M" + (c * cell.width).toFixed(2) + "," + r * cell.height + "h" +
                     cell.shownWidth.toFixed(2) + "v" + cell.shownHeight + "h-" + cell.shownWidth.toFixed(2) + "z";
        marks++;
      });
    });
    Object.keys(paths).forEach(function(key) { parent.append("path").attr("class", key).attr("d", paths[key]); });
    return marks;
  }

  function drawLegend(item, top, options) {
    var format = options.format || report.count, width = 200;
    var box = item.legend.html("").append("span").attr("class", "scale");
    box.append("span").text(options.unit + (top > 0 ? ":" : ": 0 everywhere"));
    if (!(top > 0)) return;
    var svg = box.append("svg").attr("width", width - 5).attr("height", 30);
    svg.append("rect").attr("class", "nothing").attr("x", 1).attr("y", 1).attr("width", 14).attr("height", 10);
    svg.append("text").attr("class", "minor").attr("x", 8).attr("y", 25).attr("text-anchor", "middle").text("0");
    for (var q = 0; q < CLASSES; q++)
      svg.append("rect")
        .attr("class", "q" + q)
        .attr("x", 26 + q * width / 14)
        .attr("y", 1)
        .attr("width", width / 14)
        .attr("height", 10);
    [0.5, 1].forEach(function(share) {
      svg.append("text")
        .attr("class", "minor")
        .attr("x", 26 + share * CLASSES * width / 14)
        .attr("y", 25)
        .attr("text-anchor", "middle")
        .text(format((options.root ? share * share : share) * top));
    });
  }

  function rowLabels(svg, options, left, upper, cell) {
    var every = stride(cell.height, 12);
    options.rows.forEach(function(label, r) {
      if (r % every !== 0) return;
      svg.append("text")
        .attr("x", left - 6)
        .attr("y", upper + (r + 0.5) * cell.height + 4)
        .attr("text-anchor", "end")
        .text(report.clip(label, 26));
    });
  }
  function columnLabels(svg, options, left, bottom, cell) {
    var turned = options.turned, labels = [], c;
    var room =
      turned ? 14 : 6.8 * d3.max(d3.range(options.columns), function(i) { return options.columnLabel(i).length; }) + 14;
    var every = stride(cell.width, room);
    if (options.niceStep) every = options.niceStep(every);
    for (c = 0; c < options.columns; c += every) labels.push(c);
    labels.forEach(function(column) {
      var x = left + (column + 0.5) * cell.width,
          label = svg.append("text").text(report.clip(options.columnLabel(column), 18));
      if (turned)
        label.attr("transform", "translate(" + (x + 4) + "," + (bottom + 8) + ")rotate(-60)")
          .attr("text-anchor", "end");
      else
        label.attr("x", x).attr("y", bottom + 15).attr("text-anchor", "middle");
    });
  }

  /* options: rows [text], columns (how many), columnLabel(c), columnTitle, values [row][column], unit, format,
   * cellText(r, c), turned: labels aslant; least, widest: of a cell's width; cellHeight; root: see classOf.  Returns
   * the marks drawn. */
  function heat(plot, width, item, options) {
    var top = d3.max(options.values, function(row) { return d3.max(row, report.number); }) || 0;
    var left = labelWidth(options.rows, 175), upper = 4, most = options.widest || 60;
    var least = report.printing() ? 1 : options.least || 1; /* paper does not scroll */
    var room = Math.max(width - left - 14, least * options.columns), cell = {};
    cell.width = Math.min(most, room / options.columns);
    cell.height = options.cellHeight || Math.max(5, Math.min(20, 420 / options.rows.length));
    cell.shownWidth = Math.max(0.5, cell.width - (cell.width > 5 ? 1 : 0));
    cell.shownHeight = cell.height - (cell.height > 5 ? 1 : 0);
    var inner = cell.width * options.columns, height = cell.height * options.rows.length;
    var below = options.turned
                  ? 12 + Math.min(110, labelWidth(d3.range(options.columns).map(options.columnLabel), 125) * 0.8)
                  : 22;
    var svg = report.svg(plot, Math.max(left + inner + 14, 200), upper + height + below + 20);
    var cells = svg.append("g").attr("transform", "translate(" + left + "," + upper + ")");
    cells.append("rect").attr("class", "nothing").attr("width", inner).attr("height", height);
    var marks = top > 0 || options.values.some(function(row) { return row.some(function(v) { return v === null; }); })
                  ? drawCells(cells, options, top || 1, cell)
                  : 0;
    rowLabels(svg, options, left, upper, cell);
    columnLabels(svg, options, left, upper + height, cell);
    svg.append("text")
      .attr("class", "title")
      .attr("x", left + Math.min(inner, width - left) / 2)
      .attr("y", upper + height + below + 14)
      .attr("text-anchor", "middle")
      .text(options.columnTitle);
    cells.append("rect")
      .attr("width", inner)
      .attr("height", height)
      .attr("fill", "none")
      .attr("pointer-events", "all")
      .on("mousemove",
        function() {
          var at = d3.mouse(this), c = Math.floor(at[0] / cell.width), r = Math.floor(at[1] / cell.height);
          if (r < 0 || c < 0 || r >= options.rows.length || c >= options.columns) return;
          report.tip(options.cellText(r, c));
        })
      .on("mouseout", function() { report.tip(null); });
    drawLegend(item, top, options);
    item.section.attr("data-total", options.total === undefined ? null : options.total);
    return marks;
  }
  return heat;
}());
