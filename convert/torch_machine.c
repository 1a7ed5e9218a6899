/* The stack and memo of the restricted pickle machine. */
#include <stdlib.h>

#include "convert/torch_opcodes.h"
#include "convert/torch_pickle.h"

enum lassim_status torch_machine_fail(const struct torch_machine *machine, const char *text)
{
    return lassim_fail(machine->context.error, LASSIM_ERR_FILE, machine->context.file, "pickle", "byte %zu: %s",
                       machine->opcode_at, text);
}

void torch_machine_clear(struct torch_machine *machine)
{
    free(machine->stack.value);
    free(machine->memo.value);
    machine->stack = machine->memo = (struct value_array){0};
}

static enum lassim_status array_reserve(struct torch_machine *machine, struct value_array *array, size_t count)
{
    if (count <= array->capacity) return LASSIM_OK;
    if (count > TORCH_STACK_MAX)
        return torch_machine_fail(machine, "more than 2^20 values, expected a table of tensors");
    size_t capacity = array->capacity == 0 ? 64 : array->capacity;
    while (capacity < count) capacity *= 2;
    struct pickle_value *grown = realloc(array->value, capacity * sizeof *grown);
    if (grown == NULL)
        return lassim_fail(machine->context.error, LASSIM_ERR_RUN, machine->context.file, NULL, "no memory");
    array->value = grown;
    array->capacity = capacity;
    return LASSIM_OK;
}

enum lassim_status torch_push(struct torch_machine *machine, struct pickle_value value)
{
    enum lassim_status status = array_reserve(machine, &machine->stack, machine->stack.count + 1);
    if (status == LASSIM_OK) machine->stack.value[machine->stack.count++] = value;
    return status;
}

struct pickle_value *torch_top(struct torch_machine *machine, size_t n)
{
    struct value_array *stack = &machine->stack;
    if (stack->count < n) return NULL;
    for (size_t i = stack->count - n; i < stack->count; i++)
        if (stack->value[i].kind == PICKLE_MARK) return NULL;
    return n == 0 ? NULL : stack->value + stack->count - n;
}

enum lassim_status torch_underflow(const struct torch_machine *machine)
{
    return torch_machine_fail(machine, "takes more values than the stack holds");
}

size_t torch_above_mark(const struct torch_machine *machine)
{
    size_t at = machine->stack.count;
    while (at > 0 && machine->stack.value[at - 1].kind != PICKLE_MARK) at--;
    return at;
}

enum lassim_status torch_memo_put(struct torch_machine *machine, uint64_t index)
{
    struct value_array *memo = &machine->memo;
    const struct pickle_value *value = torch_top(machine, 1);
    if (value == NULL) return torch_underflow(machine);
    if (index >= TORCH_STACK_MAX) return torch_machine_fail(machine, "memo index past 2^20");
    enum lassim_status status = array_reserve(machine, memo, index + 1);
    if (status != LASSIM_OK) return status;
    while (memo->count <= index) memo->value[memo->count++] = (struct pickle_value){.kind = PICKLE_MARK};
    memo->value[index] = *value;
    return LASSIM_OK;
}
