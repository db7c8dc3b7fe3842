/**
 * Machines of their own on one computer: network namespaces, each joined to a router between them (Linux, root). What runs
 * in one has its own addresses, loopback and routes, and reaches another only through the router.
 */
import { execFileSync } from 'node:child_process'

export interface Machine {
  /** Dotted IPv4 address, as the other machines see it. */
  readonly address: string
  /** Puts a command inside. */
  readonly prefix: readonly string[]
}

export class Machines {
  readonly #router: string
  readonly #names: string[] = []

  constructor() {
    this.#router = `lin${process.pid}-r`
    ip('netns', 'add', this.#router)
    ip('-n', this.#router, 'link', 'set', 'lo', 'up')
    inside(this.#router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
  }

  add(): Machine {
    const n = this.#names.length + 1
    const name = `lin${process.pid}-${n}`
    this.#names.push(name)
    ip('netns', 'add', name)
    ip('-n', this.#router, 'link', 'add', 'name', `m${n}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    ip('-n', this.#router, 'addr', 'add', `10.77.${n}.1/24`, 'dev', `m${n}`)
    ip('-n', this.#router, 'link', 'set', `m${n}`, 'up')
    ip('-n', name, 'link', 'set', 'lo', 'up')
    ip('-n', name, 'addr', 'add', `10.77.${n}.2/24`, 'dev', 'eth0')
    ip('-n', name, 'link', 'set', 'eth0', 'up')
    ip('-n', name, 'route', 'add', 'default', 'via', `10.77.${n}.1`)
    return { address: `10.77.${n}.2`, prefix: ['ip', 'netns', 'exec', name] }
  }

  /** Nothing passes between these two any more; each still reaches everybody else. */
  separate(one: Machine, other: Machine): void {
    ip('-n', this.#router, 'rule', 'add', 'from', one.address, 'to', other.address, 'blackhole')
    ip('-n', this.#router, 'rule', 'add', 'from', other.address, 'to', one.address, 'blackhole')
  }

  remove(): void {
    for (const name of [...this.#names, this.#router]) ip('netns', 'del', name)
  }
}

/** Whether machines can be made here. */
export function canMakeMachines(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const probe = `lin${process.pid}-probe`
  try {
    ip('netns', 'add', probe)
  } catch {
    return false
  }
  try {
    ip('-n', probe, 'link', 'add', 'name', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1')
    return true
  } catch {
    return false
  } finally {
    ip('netns', 'del', probe)
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}

function inside(name: string, ...command: string[]): void {
  execFileSync('ip', ['netns', 'exec', name, ...command], { stdio: 'pipe' })
}
