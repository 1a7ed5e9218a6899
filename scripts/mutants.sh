#!/bin/bash
# mutants.sh WORK_DIR [LIST]: every line of LIST (test/mutants.txt) is one mutation: FILE, TEST and a sed script, tab
# separated.  Each is applied alone to a copy of the tree; TEST must build and then fail.  A mutation
# that no longer changes its file, or does not compile, is an error: the list has drifted from the code.
set -u
work=${1:?directory for the copy}
list=${2:-test/mutants.txt}
rm -rf "$work"
mkdir -p "$work"
# Objects come along: each mutation then rebuilds one file.
tar -c --exclude=./.git --exclude=./build . | tar -x -C "$work"
if [ -d build/obj ]; then tar -c build/obj build/flags | tar -x -C "$work"; fi
died=0 bad=0
build() { make -s -C "$work" "build/test/$1" >"$work/build.log" 2>&1; }

while IFS=$'\t' read -r file test script; do
    case $file in ''|'#'*) continue ;; esac
    cp "$work/$file" "$work/original" || { bad=$((bad + 1)); continue; }
    sed -i -e "$script" "$work/$file"
    if cmp -s "$work/original" "$work/$file"; then
        echo "drifted   $file: $script"; bad=$((bad + 1))
    elif ! build "$test"; then
        echo "no build  $file: $script"; tail -n 5 "$work/build.log"; bad=$((bad + 1))
    elif (cd "$work" && timeout 300 "build/test/$test" >test.log 2>&1); then
        echo "SURVIVED  $file: $script"; bad=$((bad + 1))
    else
        echo "died      $file: $script"; died=$((died + 1))
    fi
    cp "$work/original" "$work/$file"
done <"$list"
echo "$died mutants died, $bad survived or did not apply"
[ "$bad" = 0 ]
