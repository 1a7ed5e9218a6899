/* Softmax attention of the original network in double, in a fixed order of operations: the sums
 * over channels and over keys run from the first to the last (convert/dense_kernels.h). */
#ifndef LASSIM_CONVERT_DENSE_ATTENTION_H
#define LASSIM_CONVERT_DENSE_ATTENTION_H

#include <stddef.h>

struct dense_attention {
    unsigned threads;
    size_t tokens;                    /* rows of everything below */
    size_t context;                   /* tokens [0, context), [context, 2 context) ... are separate sequences */
    size_t heads, kv_heads, head_dim; /* kv_heads divides heads: head h reads keys and values h / (heads / kv_heads) */
    int encoder;                      /* 1: every token sees its whole sequence; 0: itself and those before it */
    double scale;                     /* factor of q.k, before the softmax */
    const double *q;                  /* [tokens][heads * head_dim], bias included, not yet scaled */
    const double *k, *v;              /* [tokens][kv_heads * head_dim] */
    double *context_values;           /* out, [tokens][heads * head_dim]: (sum_j e_j v_j) 2^-o, o = floor(log2 sum e) */
    double *attention;                /* out, same shape: sum_j e_j v_j / sum e; may be q */
    double *weight_sums;              /* out, [tokens][heads]: sum e, e_j = exp(s_j - max s) */
    double lowest_score;              /* out: smallest s_j - max s met, <= 0 */
    double *scratch;                  /* [dense_attention_scratch()] */
};

/* Doubles of scratch memory that dense_attention_run needs. */
size_t dense_attention_scratch(unsigned threads, size_t tokens, size_t context, size_t heads, size_t head_dim);
/* Computes the outputs.  O(tokens context heads head_dim). */
void dense_attention_run(struct dense_attention *attention);

#endif
