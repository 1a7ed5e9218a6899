/* The opcodes of the restricted pickle machine (Python, Lib/pickletools.py; convert/torch_pickle.h has the
 * limits). */
#ifndef LASSIM_CONVERT_TORCH_OPCODES_H
#define LASSIM_CONVERT_TORCH_OPCODES_H

#include <stddef.h>
#include <stdint.h>

#include "convert/pickle_value.h"
#include "convert/torch_objects.h"
#include "kernel/error.h"

/* A growing array of values: the stack, or the memo (unset slots are marks). */
struct value_array {
    struct pickle_value *value;
    size_t count, capacity;
};

struct torch_machine {
    struct torch_context context;
    const uint8_t *bytes;
    size_t size, at, opcode_at;
    struct value_array stack, memo;
    uint64_t number;     /* the opcode's operand */
    const uint8_t *text; /* or its bytes, [number] */
    int stopped;
};

/* How an opcode's operand is stored: nothing, a little-endian number, or bytes after their length. */
enum torch_operand {
    OPERAND_NONE,
    OPERAND_1,
    OPERAND_2,
    OPERAND_4,
    OPERAND_8,
    OPERAND_TEXT_1,
    OPERAND_TEXT_4,
    OPERAND_TEXT_8
};

struct torch_opcode {
    uint8_t code;
    uint8_t operand;
    uint8_t parameter;
    enum lassim_status (*run)(struct torch_machine *machine, unsigned parameter);
};

/* The opcode, or NULL for one that state_dicts do not need.  Its run() takes the machine with the operand
 * decoded and at behind it, and the table's parameter. */
const struct torch_opcode *torch_opcode_find(uint8_t code);
/* LASSIM_ERR_FILE "FILE: pickle: byte N: TEXT", N the current opcode's place. */
enum lassim_status torch_machine_fail(const struct torch_machine *machine, const char *text);
/* Frees stack and memo. */
void torch_machine_clear(struct torch_machine *machine);

/* Stack and memo (torch_machine.c), at most TORCH_STACK_MAX values each: LASSIM_ERR_FILE beyond. */
enum lassim_status torch_push(struct torch_machine *machine, struct pickle_value value);
/* The n topmost values (none of them a mark), still on the stack; NULL if there are fewer. */
struct pickle_value *torch_top(struct torch_machine *machine, size_t n);
/* The error of an opcode that torch_top refuses. */
enum lassim_status torch_underflow(const struct torch_machine *machine);
/* Stack index just above the topmost mark, 0 if there is none. */
size_t torch_above_mark(const struct torch_machine *machine);
/* Remembers the topmost value. */
enum lassim_status torch_memo_put(struct torch_machine *machine, uint64_t index);

#endif
