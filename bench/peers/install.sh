#!/bin/sh
# install.sh NAME...: puts peers of the benchmarks under build/peers/NAME, each a Python virtual environment of its
# own.  No test and no build needs them; `make bench` names the rows that it left out for want of one.
#   torch    PyTorch for peers/torch_las.py (W2).  The registry's build for x86-64 carries CUDA along, which is not
#            used: about 3 GB to download.  TORCH chooses another build, e.g. TORCH="torch==2.15.0+cpu" with the index of
#            CPU builds in pip's own settings.
# Another NAME (nest, brian2: W5) runs bench/peers/NAME.sh, if there is one.  PYTHON names the interpreter (python3).
set -eu
python=${PYTHON:-python3}
torch=${TORCH:-torch==2.15.0}
root=build/peers

environment() { # NAME REQUIREMENT...
    name=$1
    shift
    [ -x "$root/$name/bin/python" ] || "$python" -m venv "$root/$name"
    "$root/$name/bin/pip" install --quiet "$@"
}

[ $# -gt 0 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2; }
for peer in "$@"; do
    if [ "$peer" = torch ]; then
        environment torch "$torch" numpy==2.4.6
        "$root/torch/bin/python" -c 'import torch; print("torch", torch.__version__)'
    elif [ -f "bench/peers/${peer}.sh" ]; then
        bash "bench/peers/${peer}.sh"
    else
        echo "install.sh: expected torch or a name with bench/peers/NAME.sh, found '$peer'" >&2
        exit 2
    fi
done
