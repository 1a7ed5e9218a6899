/* Looks at a report in a frame of a given width, as a reader would, and writes what is wrong into #result: figures that
 * are not drawn, console errors, a page wider than its window, text that is small, cut off or overlaps.  Then it uses
 * every control once.  Only for test/long/report_browser.sh. */
"use strict";
(function() {
var frame = document.getElementById("frame"), expected = frame.getAttribute("data-expected").split(" "), wrong = [],
    page;
var SMALLEST = 10.5, SLACK = 1.5;

/* Each fault once, with the moment at which it was first seen. */
function complain(when, text) {
  if (wrong.length < 40 && !wrong.some(function(known) { return known.text === text; }))
    wrong.push({when: when, text: text});
}
function root() { return page.documentElement; }
function all(within, selector) { return Array.prototype.slice.call(within.querySelectorAll(selector)); }
function figures() { return all(page, "section.figure"); }

function checkDrawn(when) {
  if (root().getAttribute("data-drawn") !== "yes") complain(when, "not drawn to its end");
  if (root().getAttribute("data-errors") !== "0") complain(when, "errors: " + root().getAttribute("data-error-text"));
  expected.forEach(function(id) {
    var section = page.getElementById(id);
    if (!section)
      complain(when, "no figure " + id);
    else if (!(+section.getAttribute("data-marks") > 0))
      complain(when, "figure " + id + " is empty");
  });
}

function checkWidth(when) {
  var width = frame.contentWindow.innerWidth;
  if (page.documentElement.scrollWidth > width)
    complain(when, "the page is " + page.documentElement.scrollWidth + " wide in a window of " + width);
  all(page, "h1, h2, p, select, button, .tile, .legend > span, details").forEach(function(element) {
    var box = element.getBoundingClientRect();
    if (box.width > 0 && box.right > width + 0.5)
      complain(when, element.tagName + " '" + element.textContent.slice(0, 40) + "' ends at " + box.right);
  });
}

/* Boxes of labels that lie straight; aslant ones have boxes that overlap without their text doing so. */
function straight(text) {
  var matrix = text.getScreenCTM();
  return matrix && Math.abs(matrix.b) < 0.01;
}
function overlap(a, b) {
  return Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK &&
         Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
}
function checkTexts(when) {
  all(page, "svg").forEach(function(svg) {
    var frameBox = svg.getBoundingClientRect(), name = (svg.closest("section") || {}).id;
    var texts = all(svg, "text").filter(function(text) { return text.textContent !== ""; });
    var boxes = texts.filter(straight).map(function(
      text) { return {text: text.textContent, box: text.getBoundingClientRect()}; });
    texts.forEach(function(text) {
      var size = parseFloat(getComputedStyle(text).fontSize), box = text.getBoundingClientRect();
      if (size < SMALLEST) complain(when, name + ": '" + text.textContent + "' has " + size + " px");
      if (box.left < frameBox.left - SLACK || box.right > frameBox.right + SLACK || box.top < frameBox.top - 4 ||
          box.bottom > frameBox.bottom + 4)
        complain(when, name + ": '" + text.textContent + "' is cut off");
    });
    boxes.forEach(function(a, i) {
      boxes.slice(i + 1).forEach(function(b) {
        if (overlap(a.box, b.box)) complain(when, name + ": '" + a.text + "' and '" + b.text + "' overlap");
      });
    });
  });
}

function look(when) {
  checkDrawn(when);
  checkWidth(when);
  checkTexts(when);
}

function useControls() {
  figures().forEach(function(section) {
    all(section, "select").forEach(function(menu) {
      var count = menu.options.length;
      [count - 1, Math.floor(count / 2), 0].forEach(function(choice) {
        menu.selectedIndex = choice;
        menu.dispatchEvent(new Event("change"));
        look(section.id + ", " + menu.options[choice].textContent);
      });
    });
    all(section, "button").forEach(function(button) { button.click(); });
    all(section, "details").forEach(function(details) { details.open = true; });
  });
  look("after every control");
}

function zoomed() {
  var raster = page.getElementById("raster");
  if (!raster) return;
  function ticks() {
    return all(raster, ".axis .tick text").map(function(text) { return text.textContent; }).join(" ");
  }
  var before = ticks();
  all(raster, "button")[0].click();
  if (ticks() === before) complain("zoomed", "zooming in leaves the time axis as it was: " + before);
}

frame.addEventListener("load", function() {
  page = frame.contentDocument;
  setTimeout(function() {
    try {
      look("at first");
      zoomed();
      useControls();
    } catch (error) {
      complain("at last", "the check itself: " + error.stack);
    }
    var figure = page.getElementById("energy"), out = {
      wrong: wrong.map(function(fault) { return fault.when + ": " + fault.text; }),
      figures: root().getAttribute("data-figures"),
      totals: {}
    };
    figures().forEach(function(section) {
      if (section.hasAttribute("data-total")) out.totals[section.id] = section.getAttribute("data-total");
    });
    out.joules = figure ? all(figure, "[data-joules]").map(function(bar) {
      return bar.getAttribute("data-table") + " " + bar.getAttribute("data-side") + " " +
             bar.getAttribute("data-joules");
    })
                        : [];
    document.getElementById("result").textContent = JSON.stringify(out, null, 1);
  }, 500);
});
}());
