// The work of `mesh-cli bench --target direct` on NATS JetStream: each peer sends messages to others chosen at random
// over its own connection; every publish is acknowledged by a file-backed stream, every recipient acknowledges each
// message explicitly.
//
// usage: load URL PEERS MESSAGES SIZE [RATE-PER-PEER]
#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int peers, messages, size;
static double rate;
static atomic_long received;
static int *latency;
static long total;

typedef struct {
    int number;
    natsConnection *connection;
    jsCtx *stream;
    natsSubscription *subscription;
} Peer;

static long long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void check(natsStatus status, const char *what) {
    if (status == NATS_OK) return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static void on_message(natsConnection *c, natsSubscription *s, natsMsg *message, void *closure) {
    (void)c, (void)s, (void)closure;
    long long due;
    memcpy(&due, natsMsg_GetData(message), sizeof due);
    long place = atomic_fetch_add(&received, 1);
    if (place < total) latency[place] = (int)(now_us() - due);
    natsMsg_Ack(message, NULL);
    natsMsg_Destroy(message);
}

static void wait_until(long long due) {
    long long rest = due - now_us();
    if (rest <= 0) return;
    struct timespec t = {rest / 1000000, rest % 1000000 * 1000};
    nanosleep(&t, NULL);
}

static void *sender(void *argument) {
    Peer *peer = argument;
    char *body = malloc(size);
    memset(body, 'x', size);
    unsigned seed = peer->number * 7919u + 1;
    long long start = now_us();
    for (int i = 0; i < messages; i++) {
        long long due = now_us();
        if (rate > 0) {
            due = start + (long long)((i + (double)peer->number / peers) * 1e6 / rate);
            wait_until(due);
        }
        int to;
        do to = rand_r(&seed) % peers;
        while (to == peer->number);
        char subject[64];
        snprintf(subject, sizeof subject, "bench.peer.%d", to);
        memcpy(body, &due, sizeof due);
        while (js_PublishAsync(peer->stream, subject, body, size, NULL) != NATS_OK) nats_Sleep(1);
    }
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = 600000;
    js_PublishAsyncComplete(peer->stream, &options);
    free(body);
    return NULL;
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int main(int count, char **words) {
    if (count < 5) return fprintf(stderr, "usage: %s URL PEERS MESSAGES SIZE [RATE-PER-PEER]\n", words[0]), 3;
    peers = atoi(words[2]), messages = atoi(words[3]), size = atoi(words[4]);
    rate = count > 5 ? atof(words[5]) : 0;
    total = (long)peers * messages;
    latency = calloc(total, sizeof *latency);
    Peer *all = calloc(peers, sizeof *all);

    natsConnection *control;
    jsCtx *stream;
    jsErrCode code = 0;
    check(natsConnection_ConnectTo(&control, words[1]), "connect");
    check(natsConnection_JetStream(&stream, control, NULL), "jetstream");
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    const char *subjects[] = {"bench.peer.*"};
    config.Name = "BENCH", config.Subjects = subjects, config.SubjectsLen = 1, config.Storage = js_FileStorage;
    check(js_AddStream(NULL, stream, &config, NULL, &code), "stream");

    for (int i = 0; i < peers; i++) {
        Peer *peer = &all[i];
        peer->number = i;
        check(natsConnection_ConnectTo(&peer->connection, words[1]), "connect");
        jsOptions options;
        jsOptions_Init(&options);
        options.PublishAsync.MaxPending = 256;
        check(natsConnection_JetStream(&peer->stream, peer->connection, &options), "jetstream");
        jsSubOptions subscribe;
        jsSubOptions_Init(&subscribe);
        subscribe.ManualAck = true;
        char durable[32], subject[64];
        snprintf(durable, sizeof durable, "peer%d", i);
        snprintf(subject, sizeof subject, "bench.peer.%d", i);
        subscribe.Config.Durable = durable, subscribe.Config.MaxAckPending = 20000;
        check(js_Subscribe(&peer->subscription, peer->stream, subject, on_message, NULL, NULL, &subscribe, &code),
              "subscribe");
    }

    pthread_t *threads = calloc(peers, sizeof *threads);
    long long start = now_us();
    for (int i = 0; i < peers; i++) pthread_create(&threads[i], NULL, sender, &all[i]);
    for (int i = 0; i < peers; i++) pthread_join(threads[i], NULL);
    long last = -1;
    for (int still = 0; received < total && still < 200; last = received) {
        nats_Sleep(50);
        still = received == last ? still + 1 : 0;
    }
    double seconds = (now_us() - start) / 1e6;
    long n = received < total ? received : total;
    if (n == 0) return puts("nothing was delivered"), 1;
    qsort(latency, n, sizeof *latency, ascending);
    printf("throughput  %.0f messages/s delivered and acknowledged\n", n / seconds);
    printf("delivered   %ld of %ld, %ld handed over twice, in %.2f s\n", n, total, received - n, seconds);
    printf("latency     p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, max %.2f ms\n", latency[n / 2] / 1e3,
           latency[(long)(n * .95)] / 1e3, latency[(long)(n * .99)] / 1e3, latency[n - 1] / 1e3);
    return n == total ? 0 : 1;
}
