/*
 * A wide-area link in user space, for kernels without netem: two TUN devices, each in a network namespace of its own, and
 * between them a constant delay and random loss. Packets of one direction keep their order.
 *
 * usage: wanlink NAMESPACE DEVICE NAMESPACE DEVICE DELAY_MS LOSS_PERCENT
 * Prints "ready" once both devices exist; ends when a device goes or it is killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_MAX 4096
#define PACKET_MAX 2048

struct packet {
  long long due_ns;
  int length;
  unsigned char bytes[PACKET_MAX];
};

/* What is on its way in one direction, oldest first. */
struct queue {
  struct packet *packets;
  int head, count;
};

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int open_device(const char *name_space, const char *device) {
  char path[256];
  snprintf(path, sizeof path, "/var/run/netns/%s", name_space);
  int home = open(path, O_RDONLY);
  if (home < 0 || setns(home, CLONE_NEWNET) != 0) {
    perror(path);
    exit(1);
  }
  close(home);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0) {
    perror("/dev/net/tun");
    exit(1);
  }
  return tun;
}

static void take(int from, struct queue *queue, long long delay_ns, double loss) {
  for (int i = 0; i < 64; i++) {
    struct packet *packet = &queue->packets[(queue->head + queue->count) % QUEUE_MAX];
    static unsigned char dropped[PACKET_MAX];
    int full = queue->count >= QUEUE_MAX;
    int length = read(from, full ? dropped : packet->bytes, PACKET_MAX);
    if (length <= 0) return;
    if (full || drand48() < loss) continue;
    packet->length = length;
    packet->due_ns = now_ns() + delay_ns;
    queue->count++;
  }
}

/* Returns when the next one is due, or -1. */
static long long give(int to, struct queue *queue) {
  while (queue->count > 0) {
    struct packet *packet = &queue->packets[queue->head];
    if (packet->due_ns > now_ns()) return packet->due_ns;
    if (write(to, packet->bytes, packet->length) < 0) { /* Down, or full: lost, as on any link. */
    }
    queue->head = (queue->head + 1) % QUEUE_MAX;
    queue->count--;
  }
  return -1;
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  int ends[2] = {open_device(argv[1], argv[2]), open_device(argv[3], argv[4])};
  long long delay_ns = (long long)(atof(argv[5]) * 1e6);
  double loss = atof(argv[6]) / 100;
  struct queue queues[2];
  for (int i = 0; i < 2; i++) {
    queues[i].packets = calloc(QUEUE_MAX, sizeof(struct packet));
    queues[i].head = queues[i].count = 0;
  }
  srand48(getpid());
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    long long first = give(ends[1], &queues[0]);
    long long second = give(ends[0], &queues[1]);
    long long next = first < 0 || (second >= 0 && second < first) ? second : first;
    struct timespec wait, *waiting = NULL;
    if (next >= 0) {
      long long left = next - now_ns();
      if (left < 0) left = 0;
      wait.tv_sec = left / 1000000000LL;
      wait.tv_nsec = left % 1000000000LL;
      waiting = &wait;
    }
    struct pollfd polled[2] = {{ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}};
    if (ppoll(polled, 2, waiting, NULL) < 0) continue;
    for (int i = 0; i < 2; i++) {
      if (polled[i].revents & POLLIN) take(ends[i], &queues[i], delay_ns, loss);
      if (polled[i].revents & POLLHUP) return 0;
    }
  }
}
