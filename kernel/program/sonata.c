#include "kernel/program/sonata.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/outfile.h"

enum { BUFFER = 2048 /* rows of a population that are written together, and a chunk of its arrays */ };
enum { ARRAYS = 4 };
#define NOTHING ((hid_t)-1)

/* One population's arrays and the rows that wait for them. */
struct spikes {
    hid_t array[ARRAYS];
    hsize_t written;
    uint32_t waiting;
    double timestamp[BUFFER];
    uint64_t node[BUFFER];
    int8_t sign[BUFFER];
    uint8_t kind[BUFFER];
};

struct sonata_writer {
    const struct trace_header_info *info;
    const char *path;
    double ms;
    struct outfile *out; /* syncs and renames what libhdf5 writes beside it */
    hid_t file;
    uint32_t open;         /* populations whose arrays are open */
    struct spikes *spikes; /* [populations] */
};

static enum lassim_status broken(const struct sonata_writer *writer, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, writer->path, NULL, "cannot write HDF5 (disk full?)");
}

/* Closes what is open and ORs the failure in. */
static int close_if_open(hid_t id, herr_t (*close)(hid_t))
{
    return id >= 0 && close(id) < 0;
}

static int set_attribute(hid_t object, const char *name, hid_t type, hsize_t count, const void *value)
{
    hid_t space = count > 0 ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR);
    hid_t attribute = space < 0 ? NOTHING : H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int failed = attribute < 0 || H5Awrite(attribute, type, value) < 0;
    failed |= close_if_open(attribute, H5Aclose);
    failed |= close_if_open(space, H5Sclose);
    return failed;
}

static int set_text(hid_t object, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    int failed = type < 0 || H5Tset_size(type, strlen(text)) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
                 set_attribute(object, name, type, 0, text);
    failed |= close_if_open(type, H5Tclose);
    return failed;
}

static int set_sorting(hid_t group)
{
    static const char *const names[] = {"none", "by_id", "by_time"};
    uint8_t by_time = 2;
    hid_t type = H5Tenum_create(H5T_STD_U8LE);
    int failed = type < 0;
    for (uint8_t i = 0; i < 3 && !failed; i++) failed = H5Tenum_insert(type, names[i], &i) < 0;
    failed = failed || set_attribute(group, "sorting", type, 0, &by_time);
    failed |= close_if_open(type, H5Tclose);
    return failed;
}

static int set_version(hid_t file)
{
    const uint32_t magic = 0x0A7A, version[2] = {0, 1};
    return set_attribute(file, "magic", H5T_STD_U32LE, 0, &magic) ||
           set_attribute(file, "version", H5T_STD_U32LE, 2, version);
}

/* A growing array of one dimension, without the time of its making. */
static hid_t make_array(hid_t group, const char *name, hid_t type)
{
    hsize_t none = 0, any = H5S_UNLIMITED, chunk = BUFFER;
    hid_t space = H5Screate_simple(1, &none, &any), properties = H5Pcreate(H5P_DATASET_CREATE), array = NOTHING;
    if (space >= 0 && properties >= 0 && H5Pset_chunk(properties, 1, &chunk) >= 0 &&
        H5Pset_obj_track_times(properties, 0) >= 0)
        array = H5Dcreate2(group, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    (void)close_if_open(space, H5Sclose);
    (void)close_if_open(properties, H5Pclose);
    return array;
}

static hid_t make_group(hid_t parent, const char *name)
{
    hid_t properties = H5Pcreate(H5P_GROUP_CREATE), group = NOTHING;
    if (properties >= 0 && H5Pset_obj_track_times(properties, 0) >= 0)
        group = H5Gcreate2(parent, name, H5P_DEFAULT, properties, H5P_DEFAULT);
    (void)close_if_open(properties, H5Pclose);
    return group;
}

static int open_spikes(hid_t root, const char *name, struct spikes *spikes)
{
    const hid_t type[ARRAYS] = {H5T_IEEE_F64LE, H5T_STD_U64LE, H5T_STD_I8LE, H5T_STD_U8LE};
    static const char *const names[ARRAYS] = {"timestamps", "node_ids", "signs", "kinds"};
    hid_t group = make_group(root, name);
    int failed = group < 0;
    for (int i = 0; i < ARRAYS; i++) {
        spikes->array[i] = failed ? NOTHING : make_array(group, names[i], type[i]);
        failed |= spikes->array[i] < 0;
    }
    failed = failed || set_text(spikes->array[0], "units", "ms") || set_sorting(group);
    failed |= close_if_open(group, H5Gclose);
    return failed;
}

static int open_populations(struct sonata_writer *writer)
{
    hid_t root = make_group(writer->file, "spikes");
    int failed = root < 0;
    while (!failed && writer->open < writer->info->populations) {
        const char *name = writer->info->population[writer->open].name;
        failed = open_spikes(root, name, &writer->spikes[writer->open++]);
    }
    failed |= close_if_open(root, H5Gclose);
    return failed;
}

/* libhdf5 writes PATH.partial, which outfile holds open, too: only outfile renames it. */
static int open_file(struct sonata_writer *writer)
{
    char *partial = NULL;
    hid_t properties = H5Pcreate(H5P_FILE_CREATE);
    if (properties >= 0 && H5Pset_obj_track_times(properties, 0) >= 0 &&
        asprintf(&partial, "%s.partial", writer->path) > 0)
        writer->file = H5Fcreate(partial, H5F_ACC_TRUNC, properties, H5P_DEFAULT);
    free(partial);
    (void)close_if_open(properties, H5Pclose);
    return writer->file < 0 || set_version(writer->file) || open_populations(writer);
}

static enum lassim_status check_names(const char *path, const struct trace_header_info *info,
                                      struct lassim_error *error)
{
    for (uint32_t p = 0; p < info->populations; p++)
        if (strchr(info->population[p].name, '/') != NULL || strcmp(info->population[p].name, ".") == 0)
            return lassim_fail(error, LASSIM_ERR_FILE, path, info->population[p].name,
                               "no name of an HDF5 group: expected one without a slash");
    return LASSIM_OK;
}

enum lassim_status sonata_writer_open(const char *path, int no_clobber, const struct trace_header_info *info,
                                      double ms_per_timestep, struct sonata_writer **result, struct lassim_error *error)
{
    *result = NULL;
    enum lassim_status status = check_names(path, info, error);
    if (status != LASSIM_OK) return status;
    struct sonata_writer *writer = calloc(1, sizeof *writer);
    if (writer != NULL) writer->spikes = calloc(info->populations, sizeof *writer->spikes);
    if (writer == NULL || writer->spikes == NULL) {
        free(writer);
        return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    }
    writer->info = info;
    writer->path = path;
    writer->ms = ms_per_timestep;
    writer->file = NOTHING;
    status = outfile_open(path, no_clobber, &writer->out, error);
    if (status == LASSIM_OK && !outfile_can_patch(writer->out))
        status = lassim_fail(error, LASSIM_ERR_USAGE, path, NULL, "HDF5 needs a regular file, no pipe and no device");
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* the one line is ours */
    if (status == LASSIM_OK && open_file(writer)) status = broken(writer, error);
    if (status == LASSIM_OK)
        *result = writer;
    else
        sonata_writer_abandon(writer);
    return status;
}

/* Appends the waiting rows to the population's arrays. */
static int flush(struct spikes *spikes)
{
    hsize_t count = spikes->waiting, from = spikes->written, size = from + count;
    const void *const data[ARRAYS] = {spikes->timestamp, spikes->node, spikes->sign, spikes->kind};
    const hid_t type[ARRAYS] = {H5T_NATIVE_DOUBLE, H5T_NATIVE_UINT64, H5T_NATIVE_INT8, H5T_NATIVE_UINT8};
    int failed = 0;
    if (count == 0) return 0;
    hid_t rows = H5Screate_simple(1, &count, NULL);
    for (int i = 0; i < ARRAYS && !failed; i++) {
        failed = H5Dset_extent(spikes->array[i], &size) < 0;
        hid_t space = failed ? NOTHING : H5Dget_space(spikes->array[i]);
        failed = failed || space < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, &from, NULL, &count, NULL) < 0 ||
                 H5Dwrite(spikes->array[i], type[i], rows, space, H5P_DEFAULT, data[i]) < 0;
        failed |= close_if_open(space, H5Sclose);
    }
    failed |= close_if_open(rows, H5Sclose);
    spikes->written = size;
    spikes->waiting = 0;
    return failed;
}

enum lassim_status sonata_writer_rows(struct sonata_writer *writer, const struct trace_row *rows, size_t count,
                                      struct lassim_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct spikes *spikes = &writer->spikes[rows[i].population];
        if (rows[i].kind == TRACE_GATE) continue;
        spikes->timestamp[spikes->waiting] = (double)rows[i].time * writer->ms;
        spikes->node[spikes->waiting] = rows[i].neuron;
        spikes->sign[spikes->waiting] = rows[i].sign;
        spikes->kind[spikes->waiting] = rows[i].kind;
        if (++spikes->waiting == BUFFER && flush(spikes)) return broken(writer, error);
    }
    return LASSIM_OK;
}

/* Closes every HDF5 object. */
static int close_objects(struct sonata_writer *writer, int complete)
{
    int failed = 0;
    for (uint32_t p = 0; p < writer->open; p++) {
        struct spikes *spikes = &writer->spikes[p];
        if (complete) failed |= flush(spikes);
        for (int i = 0; i < ARRAYS; i++) failed |= close_if_open(spikes->array[i], H5Dclose);
    }
    failed |= close_if_open(writer->file, H5Fclose);
    free(writer->spikes);
    return failed;
}

enum lassim_status sonata_writer_finish(struct sonata_writer *writer, struct lassim_error *error)
{
    enum lassim_status status = close_objects(writer, 1) ? broken(writer, error) : LASSIM_OK;
    if (status == LASSIM_OK)
        status = outfile_close_complete(writer->out, error);
    else
        outfile_abandon(writer->out);
    free(writer);
    return status;
}

void sonata_writer_abandon(struct sonata_writer *writer)
{
    if (writer == NULL) return;
    (void)close_objects(writer, 0);
    outfile_abandon(writer->out);
    free(writer);
}
