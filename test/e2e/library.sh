#!/bin/bash
# The library: exports nothing but lassim_, uses no mathematics library outside the engine dense, installs, and a
# program builds on it through pkg-config.
. test/e2e/common.sh

others=$(nm -D --defined-only "$BUILD/liblassim.so" | awk '$2 ~ /[A-Z]/ {print $3}' | grep -v '^lassim_')
[ -z "$others" ] || complain "liblassim.so exports $others"
for symbol in $(grep -oE '^LASSIM_API .*' kernel/lassim.h | grep -oE 'lassim_[a-z_]+\(' | tr -d '('); do
    nm -D --defined-only "$BUILD/liblassim.so" | grep -qw "$symbol" || complain "liblassim.so lacks $symbol"
done

# Exactness rests on no libm where spikes come from: only the engine dense may call it.
for object in "$BUILD"/obj/{queue,neurons,layers,kernel,convert}/*.o; do
    case $object in */dense_engine.o | */dense_heads.o | */dense_activations.o) continue ;; esac
    used=$(nm -u "$object" | awk '{print $NF}' |
        grep -xE '(exp|log|pow|sqrt|erf|tanh|sin|cos|exp2|log2|expm1|log1p|ldexp|frexp|round|floor|ceil|fma|cbrt)f?')
    [ -z "$used" ] || complain "$object calls libm: $used"
done

root=$PWD/$WORK/root
make -s install-files PREFIX=/opt/lassim DESTDIR="$root" BUILD="$BUILD" >"$WORK/install.log" 2>&1 || complain "make install: $(tail -n 3 "$WORK/install.log")"
for file in bin/lassim lib/liblassim.a lib/liblassim.so lib/pkgconfig/lassim.pc include/lassim.h share/man/man1/lassim.1 \
    share/bash-completion/completions/lassim; do
    [ -s "$root/opt/lassim/$file" ] || complain "make install leaves no $file"
done

cat >"$WORK/user.c" <<'END'
#include <lassim.h>
#include <string.h>
/* Also a network by calls: one input spike of weight 1.5 over a threshold of 1, two timesteps later. */
static int network_fails(void)
{
    lassim_network *network;
    struct lassim_network_options options = {.threads = 1};
    struct lassim_population in = {.name = "in", .size = 1};
    struct lassim_population out = {.name = "out", .size = 1, .neuron = LASSIM_NEURON_IF, .threshold = 1};
    const double weight = 1.5;
    const uint64_t time = 3;
    const uint32_t neuron = 0;
    if (lassim_network_new(&network, NULL) != LASSIM_OK) return 1;
    int failed = lassim_network_add_population(network, &in, NULL, NULL) != LASSIM_OK ||
                 lassim_network_add_population(network, &out, NULL, NULL) != LASSIM_OK ||
                 lassim_network_connect_dense(network, 0, 1, 2, &weight, NULL) != LASSIM_OK ||
                 lassim_network_start(network, &options, NULL) != LASSIM_OK ||
                 lassim_network_feed(network, 0, &time, &neuron, 1, NULL) != LASSIM_OK ||
                 lassim_network_run(network, 5, NULL) != LASSIM_OK || lassim_network_spikes(network, 1)[0] != 0 ||
                 lassim_network_run(network, 1, NULL) != LASSIM_OK || lassim_network_spikes(network, 1)[0] != 1;
    lassim_network_close(network);
    return failed;
}
int main(void) { return strcmp(lassim_version(), LASSIM_VERSION) != 0 || network_fails(); }
END
if ! nm -D "$BUILD/liblassim.so" | grep -qE '__(asan|tsan|ubsan)'; then
    export PKG_CONFIG_PATH=$root/opt/lassim/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
    # shellcheck disable=SC2046 # words
    gcc "$WORK/user.c" -o "$WORK/user" $(pkg-config --cflags --libs lassim) || complain "no program builds on lassim.pc"
    LD_LIBRARY_PATH=$root/opt/lassim/lib "$WORK/user" || complain "the installed library is of another version"
    # shellcheck disable=SC2046 # words
    gcc "$WORK/user.c" -o "$WORK/user-static" $(pkg-config --static --cflags --libs lassim | sed 's/-llassim/-l:liblassim.a/') ||
        complain "no program builds on liblassim.a"
    "$WORK/user-static" || complain "liblassim.a is of another version"
fi
finish
