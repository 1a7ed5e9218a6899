/* json_get FILE PATH: prints the value at a dotted path of a JSON file, "length" of a list by PATH.#, or the sum
 * over a list by PATH.+.KEY.  Exit 1 if it is not there. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_value(const json_t *value)
{
    if (value == NULL) return 1;
    if (json_is_string(value)) {
        fwrite(json_string_value(value), 1, json_string_length(value), stdout);
    } else {
        json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    }
    putchar('\n');
    return 0;
}

static int print_sum(const json_t *list, const char *key)
{
    json_int_t sum = 0;
    size_t i;
    const json_t *row;
    json_array_foreach(list, i, row) sum += json_integer_value(json_object_get(row, key));
    printf("%lld\n", (long long)sum);
    return 0;
}

static int print_path(const json_t *value, char *path)
{
    for (char *word = strtok(path, "."); word != NULL; word = strtok(NULL, ".")) {
        if (strcmp(word, "#") == 0) return printf("%zu\n", json_array_size(value)) < 0;
        if (strcmp(word, "+") == 0) return print_sum(value, strtok(NULL, "."));
        value = json_is_array(value) ? json_array_get(value, strtoul(word, NULL, 10)) : json_object_get(value, word);
    }
    return print_value(value);
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    json_error_t error;
    json_t *root = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        fprintf(stderr, "%s: line %d: %s\n", argv[1], error.line, error.text);
        return 1;
    }
    int status = print_path(root, argv[2]);
    json_decref(root);
    return status;
}
