/* Runs a job on the engine: run_engine JOB INPUT OUTPUT.
 *
 * JOB: a line "sample_rate channels block_size", then commands: "k KNOB VALUE" sets a knob, "p N"
 * processes N samples, "r" resets. INPUT, OUTPUT: float32, [samples, channel]. Buffers are
 * allocated anew for each block, so that valgrind and the address sanitizer see every overrun.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ai_mixer_engine.h"

static int process(ai_mixer_engine *engine, int channels, int samples, FILE *in, FILE *out) {
    float *rows[2];
    int ok = 1;
    for (int c = 0; c < channels; c++) rows[c] = malloc(samples ? samples * sizeof(float) : 1);
    for (int n = 0; n < samples; n++)
        for (int c = 0; c < channels; c++) ok &= fread(&rows[c][n], sizeof(float), 1, in) == 1;
    ai_mixer_process(engine, (const float *const *)rows, rows, samples);
    for (int n = 0; n < samples; n++)
        for (int c = 0; c < channels; c++) ok &= fwrite(&rows[c][n], sizeof(float), 1, out) == 1;
    for (int c = 0; c < channels; c++) free(rows[c]);
    return ok;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    FILE *job = fopen(arguments[1], "r"), *in = fopen(arguments[2], "rb");
    FILE *out = fopen(arguments[3], "wb");
    double sample_rate, value;
    int channels, block_size, number, ok = 1;
    char command[2];
    if (!job || !in || !out || fscanf(job, "%lf %d %d", &sample_rate, &channels, &block_size) != 3)
        return 2;
    ai_mixer_engine *engine = ai_mixer_create(sample_rate, block_size, channels);
    if (!engine) {
        puts(ai_mixer_status_text(ai_mixer_check(sample_rate, block_size, channels)));
        return 3;
    }
    printf("%d\n", (int)ai_mixer_latency(engine));
    while (ok && fscanf(job, "%1s", command) == 1) {
        if (command[0] == 'k' && fscanf(job, "%d %lf", &number, &value) == 2)
            ai_mixer_set_knob(engine, number, value);
        else if (command[0] == 'p' && fscanf(job, "%d", &number) == 1)
            ok = process(engine, channels, number, in, out);
        else if (command[0] == 'r')
            ai_mixer_reset(engine);
        else
            ok = 0;
    }
    ai_mixer_destroy(engine);
    fclose(job);
    fclose(in);
    return fclose(out) || !ok;
}
