/**
 * A home behind a router that forwards ports on request (miniupnpd, on nftables), and somebody outside: network namespaces
 * (Linux, root). The router drops whatever nobody inside asked for.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canMakeMachines, type Machine } from './machines.ts'

const rules = `
  table inet filter {
    chain input { type filter hook input priority 0; policy drop
      iifname { lo, lan } accept
      ct state established,related accept
    }
    chain forward { type filter hook forward priority 0; policy drop
      jump forwarded
      iifname lan accept
      ct state established,related accept
    }
    chain prerouting { type nat hook prerouting priority -100
      jump arriving
    }
    chain postrouting { type nat hook postrouting priority 100
      jump leaving
      oifname wan ip saddr 192.168.7.0/24 masquerade
    }
    chain forwarded { }
    chain arriving { }
    chain leaving { }
  }`

export class Household {
  /** `outer`: the router's address on its far side. */
  readonly outer: string
  readonly home: Machine
  readonly outside: Machine
  readonly #names: readonly string[]
  readonly #folder = mkdtempSync(join(tmpdir(), 'linnet-gateway-'))
  readonly #gateway: ChildProcess

  constructor({ outer = '5.7.0.1', allows = true }: { readonly outer?: string; readonly allows?: boolean } = {}) {
    this.outer = outer
    const far = outer.replace(/\d+$/, '2')
    const [home, router, outside] = ['h', 'r', 'o'].map((name) => `lin${process.pid}g${name}`) as [
      string,
      string,
      string,
    ]
    this.#names = [home, router, outside]
    for (const name of this.#names) ip(`netns add ${name}`, `-n ${name} link set lo up`)
    ip(
      `link add eth0 netns ${home} type veth peer name lan netns ${router}`,
      `link add eth0 netns ${outside} type veth peer name wan netns ${router}`,
      `-n ${router} addr add 192.168.7.1/24 dev lan`,
      `-n ${router} addr add ${outer}/24 dev wan`,
      `-n ${router} link set lan up`,
      `-n ${router} link set wan up`,
      `-n ${home} addr add 192.168.7.10/24 dev eth0`,
      `-n ${home} link set eth0 up`,
      `-n ${home} route add default via 192.168.7.1`,
      `-n ${outside} addr add ${far}/24 dev eth0`,
      `-n ${outside} link set eth0 up`,
    )
    this.home = { address: '192.168.7.10', prefix: inside(home) }
    this.outside = { address: far, prefix: inside(outside) }
    within(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    execFileSync('ip', [...inside(router).slice(1), 'nft', '-f', '-'], { input: rules })
    this.#gateway = this.#serve(router, allows)
  }

  remove(): void {
    this.#gateway.kill('SIGKILL')
    for (const name of this.#names) ip(`netns del ${name}`)
    rmSync(this.#folder, { recursive: true })
  }

  #serve(router: string, allows: boolean): ChildProcess {
    const config = join(this.#folder, 'miniupnpd.conf')
    const settings = [
      'ext_ifname=wan',
      'listening_ip=lan',
      'port=5000',
      'enable_upnp=yes',
      'enable_natpmp=no',
      'secure_mode=yes',
      'uuid=7b2d3f6a-0000-4000-8000-000000000001',
      'upnp_table_name=filter',
      'upnp_nat_table_name=filter',
      'upnp_forward_chain=forwarded',
      'upnp_nat_chain=arriving',
      'upnp_nat_postrouting_chain=leaving',
      `${allows ? 'allow' : 'deny'} 1024-65535 0.0.0.0/0 1024-65535`,
      'deny 0-65535 0.0.0.0/0 0-65535',
    ]
    writeFileSync(config, `${settings.join('\n')}\n`)
    const [command, ...rest] = [...inside(router), 'miniupnpd', '-d', '-f', config, '-P', join(this.#folder, 'pid')]
    return spawn(command ?? 'ip', rest, { stdio: 'ignore' })
  }
}

/** Whether such a home can be made here. */
export function canMakeHousehold(): boolean {
  return canMakeMachines() && has('nft') && has('miniupnpd')
}

function has(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function inside(name: string): readonly string[] {
  return ['ip', 'netns', 'exec', name]
}

function within(name: string, ...command: string[]): void {
  execFileSync('ip', [...inside(name).slice(1), ...command], { stdio: 'pipe' })
}

function ip(...commands: string[]): void {
  for (const command of commands) execFileSync('ip', command.split(' '), { stdio: 'pipe' })
}
