#!/bin/bash
# --help, man page, completion, docs/interface.md and README name the same options, command by command.
. test/e2e/common.sh

# Long options in --help of a command, in the order of the table.
help_options() { "$LASSIM" "$@" --help | sed -nE 's/^  (-., |    )--([a-z0-9-]+).*/\2/p' | sort; }
# ... of the man page's subsection, of the markdown section, of the completion's case.
man_options() {
    awk -v want="$1" '/^\.SS|^\.SH/ { on = ($0 == ".SS \"" want "\"") } on && /^\.B .*\\-\\-/' "$BUILD/lassim.1" |
        sed -E 's/\\-/-/g; s/.*--([a-z0-9-]+).*/\1/' | sort
}
markdown_options() {
    awk -v want="### \`$1\`" '/^### /{ on = ($0 == want) } /^<!-- END/ { on = 0 } on' docs/interface.md |
        sed -nE 's/^\| `(-., )?--([a-z0-9-]+).*/\2/p' | sort
}
bash_options() {
    awk -v want="    '$1')" '$0 == want { on = 1 } on && /options=/ { print; exit }' "$BUILD/lassim.bash" |
        grep -oE -- '--[a-z0-9-]+' | sed 's/^--//' | sort
}

check_command() { # words of the command, its operands
    local words=$1 operands=$2 title wanted
    title="lassim${words:+ $words}${operands:+ $operands}"
    # shellcheck disable=SC2086 # words
    wanted=$(help_options $words)
    [ "$(echo "$wanted" | wc -l)" -ge 2 ] || complain "$title --help lists no options"
    expect_equal "$(man_options "$title")" "$wanted" "man page, $title"
    expect_equal "$(markdown_options "$title")" "$wanted" "docs/interface.md, $title"
    expect_equal "$(bash_options "$words")" "$wanted" "completion, $title"
}
check_command "" ""
check_command convert CKPT
check_command inspect FILE.snn
check_command verify ""
check_command sweep "[MODEL.snn...]"
check_command tune ""
check_command embed ""
check_command classify ""
check_command simulate NET.json
check_command "trace info" FILE
check_command "trace check" FILE
check_command "trace dump" FILE
check_command "trace export" FILE
check_command "trace stats" FILE
check_command "trace diff" "A B"
check_command report ""
commands=$("$LASSIM" --help | sed -n '/^Commands:/,/^lassim COMMAND/p' | grep -c '^  ')
expect_equal "$commands" 15 "commands in --help that this test knows"

# The lists in docs/interface.md are those of the table, texts included.
"$BUILD/make_docs" markdown docs/interface.md >"$WORK/interface.md" || complain "make_docs markdown"
cmp -s docs/interface.md "$WORK/interface.md" || complain "docs/interface.md is not what 'make docs' writes"

# README names no option that does not exist.
every=$({ help_options; for c in convert inspect verify sweep tune report; do help_options $c; done
    for c in info check dump export stats diff; do help_options trace $c; done; } | sort -u)
if [ -f README.md ]; then
    for option in $(grep -E 'lassim|`--' README.md | grep -oE -- '(^|[ `])--[a-z][a-z0-9-]+' | sed 's/.*--//' | sort -u); do
        echo "$every" | grep -qx -- "$option" || complain "README.md names --$option, which no command takes"
    done
fi

bash -n "$BUILD/lassim.bash" || complain "the completion is no valid bash"
finish
