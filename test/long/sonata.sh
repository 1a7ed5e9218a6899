#!/bin/bash
# libsonata (installed into build/peers/sonata) reads what trace export --format sonata writes: the same spikes as the
# CSV export, population by population.
. test/e2e/common.sh
need_model
PEER=build/peers/sonata
[ -x "$PEER/bin/python" ] || python3 -m venv "$PEER" || { echo "FAILED: no virtual environment"; exit 1; }
"$PEER/bin/python" -c 'import libsonata' 2>/dev/null || "$PEER/bin/pip" install -q libsonata || { echo "FAILED: no libsonata"; exit 1; }

expect 0 "$LASSIM" --model "$MODEL" --token-ids 2,5,9,77,12,31 -n 0 --quiet --trace "$WORK/t.bin"
expect 0 "$LASSIM" trace export --format sonata "$WORK/t.bin" -o "$WORK/t.h5" --dt 0.25
expect 0 "$LASSIM" trace export --format csv "$WORK/t.bin" -o "$WORK/t.csv"
expect 0 "$LASSIM" trace info --json "$WORK/t.bin"
cp "$WORK/out" "$WORK/info.json"
"$PEER/bin/python" - "$WORK/t.h5" "$WORK/t.csv" "$WORK/info.json" <<'END' || complain "libsonata reads other spikes"
import csv, json, sys
import libsonata

names = [p["name"] for p in json.load(open(sys.argv[3]))["populations"]]
wanted = {name: [] for name in names}
for row in csv.DictReader(open(sys.argv[2])):
    if row["kind"] != "2":
        wanted[names[int(row["population"])]].append((int(row["neuron"]), 0.25 * int(row["time"])))
reader = libsonata.SpikeReader(sys.argv[1])
assert sorted(reader.get_population_names()) == sorted(names)
spikes = 0
for name in names:
    population = reader[name]
    assert population.sorting == "by_time", population.sorting
    got = [(int(node), float(time)) for node, time in population.get()]
    assert sorted(got) == sorted(wanted[name]), name
    spikes += len(got)
print("figure: libsonata", libsonata.version, "reads", spikes, "spikes of", len(names), "populations")
END
finish
