/**
 * A small internet on one computer: houses, each a machine behind a router of some kind, joined to a common middle by links
 * with delay and loss; servers with public addresses; and networks of their own with nothing beyond. Linux, root.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { isTransparent, rulesFor, type Kind } from './nat-rules.ts'

export interface Machine {
  readonly address: string
  /** Puts a command inside. */
  readonly prefix: readonly string[]
}

export interface WorldInit {
  /** The compiled `wanlink.c`. */
  readonly wanlink: string
  /** Of each house's link, one way. */
  readonly delayMs: number
  readonly lossPercent: number
}

let lastWorld = 0

export class World {
  readonly #init: WorldInit
  readonly #name = `nat${process.pid}x${++lastWorld}`
  readonly #spaces: string[] = []
  readonly #links: ChildProcess[] = []
  #houses = 0
  #servers = 0

  constructor(init: WorldInit) {
    this.#init = init
    this.#space('middle')
    routes(this.#of('middle'))
  }

  /** Something with a public address and nothing in front of it. */
  addServer(): Machine {
    const n = ++this.#servers
    const space = this.#space(`s${n}`)
    const address = `5.0.${n}.10`
    ip(
      `link add eth0 netns ${space} type veth peer name s${n} netns ${this.#of('middle')}`,
      `-n ${space} addr add ${address}/24 dev eth0`,
      `-n ${space} link set eth0 up`,
      `-n ${this.#of('middle')} addr add 5.0.${n}.1/24 dev s${n}`,
      `-n ${this.#of('middle')} link set s${n} up`,
      `-n ${space} route add default via 5.0.${n}.1`,
    )
    return { address, prefix: inside(space) }
  }

  async addHouse(kind: Kind): Promise<House> {
    const n = ++this.#houses
    const [home, router, middle] = [this.#space(`h${n}`), this.#space(`r${n}`), this.#of('middle')]
    const net = isTransparent(kind) ? `5.10${n % 10}.${n}` : `192.168.${n}`
    const outer = `5.${n}.0.2`
    routes(router)
    ip(
      `link add eth0 netns ${home} type veth peer name lan netns ${router}`,
      `-n ${router} addr add ${net}.1/24 dev lan`,
      `-n ${router} link set lan up`,
    )
    await this.#link(router, 'wan', middle, `w${n}`)
    ip(
      `-n ${router} addr add ${outer} peer 5.${n}.0.1 dev wan`,
      `-n ${router} link set wan up`,
      `-n ${router} route add default dev wan`,
      `-n ${middle} addr add 5.${n}.0.1 peer ${outer} dev w${n}`,
      `-n ${middle} link set w${n} up`,
      ...(isTransparent(kind) ? [`-n ${middle} route add ${net}.0/24 dev w${n}`] : []),
    )
    execFileSync('ip', ['netns', 'exec', router, 'nft', '-f', '-'], { input: rulesFor(kind, `${net}.10`, outer) })
    const house = new House(kind, home, net, isTransparent(kind) ? undefined : outer)
    house.plugIn()
    return house
  }

  /** Machines on one wire, with no router and nothing beyond. */
  addLonelyNetwork(count: number): readonly Machine[] {
    const wire = this.#space('wire')
    ip(`-n ${wire} link add bridge type bridge`, `-n ${wire} link set bridge up`)
    return Array.from({ length: count }, (_, i) => {
      const space = this.#space(`l${i}`)
      const address = `192.168.99.${i + 10}`
      ip(
        `link add eth0 netns ${space} type veth peer name l${i} netns ${wire}`,
        `-n ${wire} link set l${i} master bridge up`,
        `-n ${space} addr add ${address}/24 dev eth0`,
        `-n ${space} link set eth0 up`,
        // As from a home router that has lost its line: without a route, Linux sends no multicast either.
        `-n ${space} route add default via 192.168.99.1`,
      )
      return { address, prefix: inside(space) }
    })
  }

  /** Nothing goes from one house to the other any more, nor back; everything else does. */
  cut(one: House, other: House): void {
    const [here, there] = [one.outside, other.outside]
    const input = `
      table inet cut {
        chain forward {
          type filter hook forward priority 0;
          ip saddr ${here} ip daddr ${there} drop
          ip saddr ${there} ip daddr ${here} drop
        }
      }`
    execFileSync('ip', ['netns', 'exec', this.#of('middle'), 'nft', '-f', '-'], { input })
  }

  mend(): void {
    execFileSync('ip', ['netns', 'exec', this.#of('middle'), 'nft', 'delete', 'table', 'inet', 'cut'])
  }

  remove(): void {
    for (const link of this.#links) link.kill('SIGKILL')
    for (const space of this.#spaces) execFileSync('ip', ['netns', 'del', space])
  }

  async #link(one: string, oneDevice: string, other: string, otherDevice: string): Promise<void> {
    const { wanlink, delayMs, lossPercent } = this.#init
    const arguments_ = [one, oneDevice, other, otherDevice, String(delayMs), String(lossPercent)]
    const link = spawn(wanlink, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#links.push(link)
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: link.stdout }).once('line', () => resolve())
      link.once('exit', (code) => reject(new Error(`a link ended (${code})`)))
    })
  }

  #of(name: string): string {
    return `${this.#name}-${name}`
  }

  #space(name: string): string {
    const space = this.#of(name)
    execFileSync('ip', ['netns', 'add', space])
    this.#spaces.push(space)
    ip(`-n ${space} link set lo up`)
    return space
  }
}

/** The machine in a house, whose cable can be pulled and whose address can change. */
export class House implements Machine {
  readonly kind: Kind
  readonly prefix: readonly string[]
  readonly #space: string
  readonly #net: string
  readonly #outer: string | undefined
  #last = 10

  /** `outer`: the address that its router puts in the place of every other. */
  constructor(kind: Kind, space: string, net: string, outer: string | undefined) {
    this.kind = kind
    this.#outer = outer
    this.prefix = inside(space)
    this.#space = space
    this.#net = net
  }

  get address(): string {
    return `${this.#net}.${this.#last}`
  }

  /** As others see it. */
  get outside(): string {
    return this.#outer ?? this.address
  }

  plugIn(): void {
    ip(
      `-n ${this.#space} addr replace ${this.address}/24 dev eth0`,
      `-n ${this.#space} link set eth0 up`,
      `-n ${this.#space} route replace default via ${this.#net}.1`,
    )
  }

  unplug(): void {
    ip(`-n ${this.#space} link set eth0 down`)
  }

  /** Another address from the same router, as after a change of network. */
  move(): void {
    ip(`-n ${this.#space} addr flush dev eth0`)
    this.#last++
    this.plugIn()
  }
}

function inside(space: string): readonly string[] {
  return ['ip', 'netns', 'exec', space]
}

function ip(...commands: readonly string[]): void {
  for (const command of commands) execFileSync('ip', command.split(' '), { stdio: ['ignore', 'pipe', 'inherit'] })
}

function routes(space: string): void {
  execFileSync('ip', ['netns', 'exec', space, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'])
}
