/* An event inside the queue: its key without the timestep (which its bucket knows) packed into 120 bits
 * whose unsigned order is the order of docs/design.md's Schedule: (phase, level, population, token, block). */
#ifndef LASSIM_QUEUE_RECORD_H
#define LASSIM_QUEUE_RECORD_H

#include "queue/event_queue.h"

enum { RECORD_PHASE_SHIFT = 48 }; /* of word[0] */

struct record {
    uint64_t word[2]; /* phase 8 | level 16 | population 32 ; token 32 | block 32 */
    void *payload;
};

static inline struct record record_pack(const struct event *event)
{
    const struct event_key *key = &event->key;
    uint64_t phase_level = (uint64_t)key->phase << 16 | key->level;
    return (struct record){{phase_level << 32 | key->population, (uint64_t)key->token << 32 | key->block},
                           event->payload};
}

static inline void record_unpack(const struct record *record, uint64_t timestep, struct event *event)
{
    event->key.timestep = timestep;
    event->key.population = (uint32_t)record->word[0];
    event->key.level = (uint16_t)(record->word[0] >> 32);
    event->key.phase = (uint8_t)(record->word[0] >> RECORD_PHASE_SHIFT);
    event->key.token = (uint32_t)(record->word[1] >> 32);
    event->key.block = (uint32_t)record->word[1];
    event->payload = record->payload;
}

static inline unsigned __int128 record_key(const struct record *record)
{
    return (unsigned __int128)record->word[0] << 64 | record->word[1];
}

static inline int record_less(const struct record *a, const struct record *b)
{
    return record_key(a) < record_key(b);
}

#endif
