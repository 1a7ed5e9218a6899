#include "kernel/dense_heads.h"

#include <cblas.h>
#include <math.h>

/* scores become exp(score - largest); returns their sum. */
static float softmax(float *scores, uint32_t n)
{
    float largest = scores[0], sum = 0;
    for (uint32_t i = 1; i < n; i++) largest = scores[i] > largest ? scores[i] : largest;
    for (uint32_t i = 0; i < n; i++) sum += scores[i] = expf(scores[i] - largest);
    return sum;
}

static void attend(const struct dense_heads *heads, uint32_t row, uint32_t head, float *scores)
{
    uint32_t dim = heads->dim, visible = heads->past + (heads->encoder ? heads->rows : row + 1);
    int stride = (int)(heads->kv_heads * dim);
    size_t base = (size_t)(head / (heads->heads / heads->kv_heads)) * dim;
    size_t at = ((size_t)row * heads->heads + head) * dim;
    cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)visible, (int)dim, heads->scale, heads->keys + base, stride,
                heads->query + at, 1, 0.0f, scores, 1);
    float sum = softmax(scores, visible);
    cblas_sgemv(CblasRowMajor, CblasTrans, (int)visible, (int)dim, 1.0f / sum, heads->values + base, stride, scores, 1,
                0.0f, heads->attention + at, 1);
}

static void attend_share(void *context, unsigned worker, unsigned workers)
{
    const struct dense_heads *heads = context;
    uint64_t units = (uint64_t)heads->rows * heads->heads;
    for (uint64_t unit = worker; unit < units; unit += workers)
        attend(heads, (uint32_t)(unit / heads->heads), (uint32_t)(unit % heads->heads),
               heads->scores + (size_t)worker * heads->positions);
}

void dense_heads_attend(struct team *team, const struct dense_heads *heads)
{
    team_run(team, attend_share, (void *)(uintptr_t)heads);
}
