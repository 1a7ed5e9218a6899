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
    case $object in */dense_engine.o | */dense_heads.o) continue ;; esac
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
int main(void) { return strcmp(lassim_version(), LASSIM_VERSION); }
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
