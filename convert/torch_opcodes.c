#include "convert/torch_opcodes.h"

#include <stdlib.h>
#include <string.h>

#include "convert/torch_pickle.h"

static enum lassim_status no_room(const struct torch_machine *machine)
{
    return torch_machine_fail(machine, "its values take more than 64 MiB, expected a table of tensors");
}

static enum lassim_status op_protocol(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    if (machine->number < 2 || machine->number > 4)
        return torch_machine_fail(machine, "expected pickle protocol 2 to 4");
    return LASSIM_OK;
}

static enum lassim_status op_frame(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    if (machine->number > machine->size - machine->at)
        return torch_machine_fail(machine, "a frame past the pickle's end");
    return LASSIM_OK;
}

static enum lassim_status op_stop(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    machine->stopped = 1;
    return LASSIM_OK;
}

/* A constant of that kind. */
static enum lassim_status op_constant(struct torch_machine *machine, unsigned kind)
{
    return torch_push(machine, (struct pickle_value){.kind = (enum pickle_kind)kind});
}

static enum lassim_status op_pop(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    if (machine->stack.count == 0) return torch_underflow(machine);
    machine->stack.count--;
    return LASSIM_OK;
}

static enum lassim_status op_pop_mark(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    size_t first = torch_above_mark(machine);
    if (first == 0) return torch_underflow(machine);
    machine->stack.count = first - 1;
    return LASSIM_OK;
}

/* BININT is signed, BININT1 and BININT2 are not. */
static enum lassim_status op_integer(struct torch_machine *machine, unsigned is_signed)
{
    int64_t integer = is_signed ? (int64_t)(int32_t)(uint32_t)machine->number : (int64_t)machine->number;
    return torch_push(machine, (struct pickle_value){.kind = PICKLE_INTEGER, .as.integer = integer});
}

/* LONG1: little-endian two's complement. */
static enum lassim_status op_long(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    if (machine->number > 8) return torch_machine_fail(machine, "an integer of more than 64 bits");
    uint64_t bits = 0;
    unsigned width = (unsigned)machine->number * 8;
    for (unsigned i = 0; i < machine->number; i++) bits |= (uint64_t)machine->text[i] << (8 * i);
    if (width > 0 && width < 64 && (bits >> (width - 1) & 1) != 0) bits |= UINT64_MAX << width;
    return torch_push(machine, (struct pickle_value){.kind = PICKLE_INTEGER, .as.integer = (int64_t)bits});
}

static enum lassim_status op_string(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    return torch_push(machine, (struct pickle_value){.kind = PICKLE_STRING,
                                                     .count = (uint32_t)machine->number,
                                                     .as.string = (const char *)machine->text});
}

/* Replaces the topmost n values by a tuple of them. */
static enum lassim_status make_tuple(struct torch_machine *machine, size_t n)
{
    struct pickle_value tuple = {.kind = PICKLE_TUPLE, .count = (uint32_t)n};
    if (n != 0) {
        const struct pickle_value *source = torch_top(machine, n);
        if (source == NULL) return torch_underflow(machine);
        struct pickle_value *item = pickle_arena_take(machine->context.arena, n * sizeof *item);
        if (item == NULL) return no_room(machine);
        memcpy(item, source, n * sizeof *item);
        tuple.as.item = item;
        machine->stack.count -= n;
    }
    return torch_push(machine, tuple);
}

static enum lassim_status op_tuple(struct torch_machine *machine, unsigned n)
{
    return make_tuple(machine, n);
}

static enum lassim_status op_tuple_mark(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    size_t first = torch_above_mark(machine);
    if (first == 0) return torch_underflow(machine);
    size_t n = machine->stack.count - first;
    enum lassim_status status = make_tuple(machine, n);
    if (status != LASSIM_OK) return status;
    machine->stack.value[first - 1] = machine->stack.value[first];
    machine->stack.count = first;
    return LASSIM_OK;
}

static enum lassim_status op_dict(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    struct pickle_dict *dict = pickle_arena_take(machine->context.arena, sizeof *dict);
    if (dict == NULL) return no_room(machine);
    return torch_push(machine, (struct pickle_value){.kind = PICKLE_DICT, .as.dict = dict});
}

/* The container that the n topmost values go into, or with n = 0 all values above the mark; *first receives
 * the stack index of the first of them.  NULL if there is none. */
static struct pickle_value *container(struct torch_machine *machine, size_t n, size_t *first)
{
    size_t below = n == 0 ? 2 : 1;
    if (n != 0 && torch_top(machine, n) == NULL) return NULL;
    *first = n == 0 ? torch_above_mark(machine) : machine->stack.count - n;
    return *first < below ? NULL : &machine->stack.value[*first - below];
}

/* APPEND (1) and APPENDS (0): lists only occur in metadata, their elements are dropped. */
static enum lassim_status op_append(struct torch_machine *machine, unsigned n)
{
    size_t first = 0;
    const struct pickle_value *list = container(machine, n, &first);
    if (list == NULL) return torch_underflow(machine);
    if (list->kind != PICKLE_LIST) return torch_machine_fail(machine, "appends, expected a list below");
    machine->stack.count = (size_t)(list - machine->stack.value) + 1;
    return LASSIM_OK;
}

/* SETITEM (2) and SETITEMS (0): key, value pairs above a dict. */
static enum lassim_status op_set_items(struct torch_machine *machine, unsigned n)
{
    size_t first = 0;
    struct value_array *stack = &machine->stack;
    const struct pickle_value *dict = container(machine, n, &first);
    if (dict == NULL) return torch_underflow(machine);
    if (dict->kind != PICKLE_DICT) return torch_machine_fail(machine, "sets items, expected a dict below");
    if ((stack->count - first) % 2 != 0)
        return torch_machine_fail(machine, "sets items, expected pairs of key and value");
    for (size_t i = first; i < stack->count; i += 2)
        if (!pickle_dict_add(machine->context.arena, dict->as.dict, &stack->value[i], &stack->value[i + 1]))
            return no_room(machine);
    stack->count = (size_t)(dict - stack->value) + 1;
    return LASSIM_OK;
}

/* One line of GLOBAL's text as a string value; 0 without a newline. */
static int take_line(struct torch_machine *machine, struct pickle_value *line)
{
    const uint8_t *start = machine->bytes + machine->at;
    const uint8_t *end = memchr(start, '\n', machine->size - machine->at);
    if (end == NULL) return 0;
    *line = (struct pickle_value){
        .kind = PICKLE_STRING, .count = (uint32_t)(end - start), .as.string = (const char *)start};
    machine->at += (size_t)(end - start) + 1;
    return 1;
}

static enum lassim_status op_global(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    struct pickle_value module, name, value;
    if (!take_line(machine, &module) || !take_line(machine, &name))
        return torch_machine_fail(machine, "a global cut short");
    enum lassim_status status = torch_global_find(&machine->context, &module, &name, &value);
    return status == LASSIM_OK ? torch_push(machine, value) : status;
}

static enum lassim_status op_stack_global(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    struct pickle_value value, *pair = torch_top(machine, 2);
    if (pair == NULL) return torch_underflow(machine);
    enum lassim_status status = torch_global_find(&machine->context, &pair[0], &pair[1], &value);
    if (status != LASSIM_OK) return status;
    machine->stack.count -= 2;
    return torch_push(machine, value);
}

static enum lassim_status op_put(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    return torch_memo_put(machine, machine->number);
}

static enum lassim_status op_memoize(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    return torch_memo_put(machine, machine->memo.count);
}

static enum lassim_status op_get(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    uint64_t index = machine->number;
    if (index >= machine->memo.count || machine->memo.value[index].kind == PICKLE_MARK)
        return torch_machine_fail(machine, "gets from the memo what was never put there");
    return torch_push(machine, machine->memo.value[index]);
}

static enum lassim_status op_reduce(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    struct pickle_value value, *call = torch_top(machine, 2);
    if (call == NULL) return torch_underflow(machine);
    enum lassim_status status = torch_call(&machine->context, &call[0], &call[1], &value);
    if (status != LASSIM_OK) return status;
    machine->stack.count -= 2;
    return torch_push(machine, value);
}

/* A state_dict carries its _metadata as state: dropped. */
static enum lassim_status op_build(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    const struct pickle_value *pair = torch_top(machine, 2);
    if (pair == NULL) return torch_underflow(machine);
    if (pair[0].kind != PICKLE_DICT || pair[1].kind != PICKLE_DICT)
        return torch_machine_fail(machine, "sets an object's state, expected that of a dict");
    machine->stack.count--;
    return LASSIM_OK;
}

static enum lassim_status op_persistent(struct torch_machine *machine, unsigned parameter)
{
    (void)parameter;
    struct pickle_value value, *id = torch_top(machine, 1);
    if (id == NULL) return torch_underflow(machine);
    enum lassim_status status = torch_storage_load(&machine->context, id, &value);
    if (status != LASSIM_OK) return status;
    *id = value;
    return LASSIM_OK;
}

static const struct torch_opcode opcodes[] = {
    {0x80, OPERAND_1, 0, op_protocol},
    {0x95, OPERAND_8, 0, op_frame},
    {'.', OPERAND_NONE, 0, op_stop},
    {'(', OPERAND_NONE, PICKLE_MARK, op_constant},
    {'N', OPERAND_NONE, PICKLE_NONE, op_constant},
    {'G', OPERAND_8, PICKLE_NONE, op_constant},
    {0x88, OPERAND_NONE, PICKLE_BOOL, op_constant},
    {0x89, OPERAND_NONE, PICKLE_BOOL, op_constant},
    {']', OPERAND_NONE, PICKLE_LIST, op_constant},
    {'0', OPERAND_NONE, 0, op_pop},
    {'1', OPERAND_NONE, 0, op_pop_mark},
    {'J', OPERAND_4, 1, op_integer},
    {'K', OPERAND_1, 0, op_integer},
    {'M', OPERAND_2, 0, op_integer},
    {0x8a, OPERAND_TEXT_1, 0, op_long},
    {'X', OPERAND_TEXT_4, 0, op_string},
    {0x8c, OPERAND_TEXT_1, 0, op_string},
    {0x8d, OPERAND_TEXT_8, 0, op_string},
    {')', OPERAND_NONE, 0, op_tuple},
    {0x85, OPERAND_NONE, 1, op_tuple},
    {0x86, OPERAND_NONE, 2, op_tuple},
    {0x87, OPERAND_NONE, 3, op_tuple},
    {'t', OPERAND_NONE, 0, op_tuple_mark},
    {'a', OPERAND_NONE, 1, op_append},
    {'e', OPERAND_NONE, 0, op_append},
    {'}', OPERAND_NONE, 0, op_dict},
    {'s', OPERAND_NONE, 2, op_set_items},
    {'u', OPERAND_NONE, 0, op_set_items},
    {'c', OPERAND_NONE, 0, op_global},
    {0x93, OPERAND_NONE, 0, op_stack_global},
    {'q', OPERAND_1, 0, op_put},
    {'r', OPERAND_4, 0, op_put},
    {0x94, OPERAND_NONE, 0, op_memoize},
    {'h', OPERAND_1, 0, op_get},
    {'j', OPERAND_4, 0, op_get},
    {'R', OPERAND_NONE, 0, op_reduce},
    {'b', OPERAND_NONE, 0, op_build},
    {'Q', OPERAND_NONE, 0, op_persistent},
};

const struct torch_opcode *torch_opcode_find(uint8_t code)
{
    for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++)
        if (opcodes[i].code == code) return &opcodes[i];
    return NULL;
}
