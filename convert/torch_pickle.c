#include "convert/torch_pickle.h"

#include "convert/pickle_value.h"
#include "convert/torch_opcodes.h"

enum { SHOWN_MAX = 100 /* bytes of a hostile string that an error shows */ };

/* Takes width bytes as a little-endian number; 0 if the pickle ends before. */
static int take_number(struct torch_machine *machine, unsigned width)
{
    if (machine->size - machine->at < width) return 0;
    machine->number = 0;
    for (unsigned i = 0; i < width; i++) machine->number |= (uint64_t)machine->bytes[machine->at + i] << (8 * i);
    machine->at += width;
    return 1;
}

/* Takes a length and as many bytes. */
static int take_text(struct torch_machine *machine, unsigned width)
{
    if (!take_number(machine, width) || machine->number > machine->size - machine->at) return 0;
    machine->text = machine->bytes + machine->at;
    machine->at += machine->number;
    return 1;
}

static int take_operand(struct torch_machine *machine, enum torch_operand operand)
{
    switch (operand) {
    case OPERAND_NONE: return 1;
    case OPERAND_1: return take_number(machine, 1);
    case OPERAND_2: return take_number(machine, 2);
    case OPERAND_4: return take_number(machine, 4);
    case OPERAND_8: return take_number(machine, 8);
    case OPERAND_TEXT_1: return take_text(machine, 1);
    case OPERAND_TEXT_4: return take_text(machine, 4);
    case OPERAND_TEXT_8: return take_text(machine, 8);
    }
    return 0;
}

static enum lassim_status step(struct torch_machine *machine)
{
    machine->opcode_at = machine->at;
    if (machine->at == machine->size) return torch_machine_fail(machine, "the pickle ends without STOP");
    const struct torch_opcode *opcode = torch_opcode_find(machine->bytes[machine->at++]);
    if (opcode == NULL)
        return lassim_fail(machine->context.error, LASSIM_ERR_FILE, machine->context.file, "pickle",
                           "byte %zu: opcode 0x%02x, expected those of a dict of tensors", machine->opcode_at,
                           machine->bytes[machine->opcode_at]);
    if (!take_operand(machine, (enum torch_operand)opcode->operand))
        return torch_machine_fail(machine, "an operand past the pickle's end");
    return opcode->run(machine, opcode->parameter);
}

/* One entry of the state_dict. */
static enum lassim_status add_tensor(const struct torch_machine *machine, const struct pickle_pair *pair,
                                     struct tensor_list *list)
{
    const char *file = machine->context.file;
    struct lassim_error *error = machine->context.error;
    if (pair->key.kind != PICKLE_STRING)
        return lassim_fail(error, LASSIM_ERR_FILE, file, "pickle", "a key that is not a string, expected tensor names");
    if (pair->value.kind != PICKLE_TENSOR) {
        int shown = pair->key.count < SHOWN_MAX ? (int)pair->key.count : SHOWN_MAX;
        return lassim_fail(error, LASSIM_ERR_FILE, file, "pickle",
                           "%.*s is not a tensor, expected a flat dict from name to tensor", shown,
                           pair->key.as.string);
    }
    return tensor_list_add(list, pair->value.as.tensor, pair->key.as.string, pair->key.count, error);
}

/* The one value left must be the state_dict. */
static enum lassim_status collect(const struct torch_machine *machine, struct tensor_list *list)
{
    const struct value_array *stack = &machine->stack;
    if (machine->at != machine->size) return torch_machine_fail(machine, "STOP, expected it at the pickle's end");
    if (stack->count != 1 || stack->value[0].kind != PICKLE_DICT)
        return torch_machine_fail(machine, "the pickle is not one dict from name to tensor");
    const struct pickle_dict *dict = stack->value[0].as.dict;
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < dict->pairs && status == LASSIM_OK; i++) status = add_tensor(machine, &dict->pair[i], list);
    return status;
}

enum lassim_status torch_pickle_read(const char *file, const uint8_t *pickle, uint64_t size,
                                     const struct zip_archive *archive, const char *prefix, struct tensor_list *list,
                                     struct lassim_error *error)
{
    if (size > TORCH_PICKLE_MAX)
        return lassim_fail(error, LASSIM_ERR_FILE, file, "pickle", "%llu bytes, expected at most %d",
                           (unsigned long long)size, TORCH_PICKLE_MAX);
    struct pickle_arena arena = {0};
    struct torch_machine machine = {
        .context = {file, archive, prefix, &arena, error}, .bytes = pickle, .size = (size_t)size};
    enum lassim_status status = LASSIM_OK;
    while (status == LASSIM_OK && !machine.stopped) status = step(&machine);
    if (status == LASSIM_OK) status = collect(&machine, list);
    torch_machine_clear(&machine);
    pickle_arena_clear(&arena);
    return status;
}
