/* rlimits, from the handout alone */
#include <err.h>
#include <stdio.h>
#include <sys/resource.h>

#define R(name)                                                                \
    {                                                                          \
        RLIMIT_##name, #name                                                   \
    }

static const struct {
    int resource;
    const char *name;
} rows[] = {R(CPU),           R(FSIZE),     R(DATA),        R(STACK),
            R(CORE),          R(RSS),       R(NPROC),       R(NOFILE),
            R(MEMLOCK),       R(AS),        R(LOCKS),       {11, "SIGPENDING"},
            {12, "MSGQUEUE"}, {13, "NICE"}, {14, "RTPRIO"}, {15, "RTTIME"}};

static void show(rlim_t value)
{
    if (value == RLIM_INFINITY)
        printf(" unlimited");
    else
        printf(" %lu", value);
}

int main(void)
{
    for (int i = 0; i < 16; i++) {
        struct rlimit limit;
        if (getrlimit(rows[i].resource, &limit))
            err(1, "getrlimit");
        printf("%s", rows[i].name);
        show(limit.rlim_cur);
        show(limit.rlim_max);
        puts(" - -");
    }
    return 0;
}
