/* Puts the page together from what the data holds. */
(function() {
var r = report, data = r.data, root = document.documentElement, inputs = r.object(data.inputs);
var trace = data.trace, metrics = data.metrics, totals = r.object(metrics && metrics.totals);

function warn(text) { d3.select("#warnings").append("p").attr("class", "warning").text(text); }
function perturbation(p) {
  if (!p || typeof p !== "object") return;
  warn("This run was perturbed: spikes lost with p = " + p.drop_spikes + ", threshold noise " + p.threshold_noise +
       ", " + r.count(p.stuck_neurons) + " stuck neurons, seed " + p.seed + ".");
}
function warnings() {
  if (trace && !trace.complete) warn("The trace is cut off: what follows is about the part that is there.");
  perturbation(trace ? trace.perturbation : metrics && metrics.perturbation);
  if (trace && r.isNumber(totals.spikes) && totals.spikes !== trace.totals.spikes)
    warn("Metrics and trace are not of the same run: " + r.count(totals.spikes) + " spikes in one, " +
         r.count(trace.totals.spikes) + " in the other.");
  var left = r.object(metrics && metrics.left_out);
  Object.keys(left).forEach(function(
    name) { warn("The metrics hold " + r.count(left[name]) + " more " + name + " than this page takes."); });
}

function tiles() {
  var spikes = trace ? trace.totals.spikes : totals.spikes, entries = [];
  function add(text, value) {
    if (value !== null && value !== "–") entries.push([value, text]);
  }
  if (!trace && !metrics) return;
  add(
    "timesteps of a window, T", trace ? String(trace.T) + " (" + trace.code + ")" : r.count(metrics.window_timesteps));
  add("tokens", r.count(totals.tokens));
  add("neurons", r.count(trace ? trace.totals.neurons : totals.neurons));
  add("spikes", r.count(spikes));
  if (trace)
    add(
      "spikes per neuron and window", r.real((trace.totals.spikes - trace.totals.spikes_input) / trace.totals.opened));
  if (trace)
    add("neuron windows with a spike",
      r.percent(trace.totals.active_neurons - trace.totals.spikes_input, trace.totals.opened));
  add("outlier spikes",
    trace ? r.percent(trace.totals.spikes_outlier, spikes) : r.percent(totals.spikes_outlier, spikes));
  add("saturations", r.count(totals.saturations));
  add("synaptic operations", r.count(trace ? trace.totals.synaptic_operations : totals.synaptic_operations));
  add("dense multiply-accumulates", r.count(totals.dense_macs));
  add("simulated timesteps", r.count(trace ? trace.timesteps : totals.timesteps));
  if (metrics && r.isNumber(metrics.tokens_per_second))
    add("tokens a second, engine " + metrics.engine, r.real(metrics.tokens_per_second));
  var box = d3.select("#main")
              .append("div")
              .attr("class", "tiles")
              .selectAll("div")
              .data(entries)
              .enter()
              .append("div")
              .attr("class", "tile");
  box.append("b").text(function(entry) { return entry[0]; });
  box.append("span").text(function(entry) { return entry[1]; });
}

d3.select("#inputs").text("lassim " + data.version + "; " +
                          Object.keys(inputs).map(function(name) { return name + ": " + inputs[name]; }).join("; ") +
                          (trace ? "; model " + trace.hash : ""));
warnings();
tiles();
if (trace) {
  r.raster(trace);
  r.neurons.byTime(trace);
  r.neurons.bySteps(trace);
  r.neurons.tokens(trace, metrics);
  r.neurons.histogram(trace);
  r.neurons.silent(trace);
  r.neurons.saturated(trace, metrics);
  r.neurons.outliers(trace);
}
if (metrics) {
  r.costs.energy(metrics);
  r.costs.atBreakEven(metrics);
  r.costs.operations(metrics);
  r.costs.verdicts(metrics);
  if (!trace) r.costs.tokens(metrics);
}
if (data.sweep) r.sweep(data.sweep);
if (trace) r.neurons.table(trace);
root.setAttribute("data-figures", r.figures.length);
root.setAttribute("data-empty", r.figures.filter(function(item) { return !(+item.section.attr("data-marks") > 0); })
                                  .map(function(item) { return item.id; })
                                  .join(" "));
root.setAttribute("data-drawn", "yes");
}());
