/**
 * What is shipped for an operator's other programs, tried with those programs: Prometheus' rules and the dashboard's
 * questions, by `promtool` and by a Prometheus that reads a running relay, and the unit, by `systemd-analyze`. Each is skipped
 * where its program is not installed (Debian: `prometheus`, `systemd`).
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../e2e/ports.ts'
import { site, type Site } from './site.ts'
import { atEnd, temporaryDirectory } from './temporary.ts'

const deploy = join(import.meta.dirname, '../../relay/deploy')
const read = (name: string): string => readFileSync(join(deploy, name), 'utf8')

interface Panel {
  readonly title: string
  readonly targets: readonly { readonly expr: string }[]
}

const dashboard = JSON.parse(read('grafana.json')) as { readonly panels: readonly Panel[] }
const questions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
const alarms = [...read('alerts.yaml').matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name)

function installed(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
}

function run(
  program: string,
  args: readonly string[],
  input = '',
): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync(program, [...args], {
    encoding: 'utf8',
    input,
    cwd: import.meta.dirname,
  })
  return { status, said: `${stdout}${stderr}` }
}

/** The names of a relay's own numbers in an expression, histograms by their family. */
function metricsIn(expression: string): readonly string[] {
  const names = expression.match(/\b(?:linnet_relay|process|nodejs)_\w+/g) ?? []
  return names.map((name) => name.replace(/_bucket$/, ''))
}

test('every number that a rule or the dashboard asks for is one that a relay shows', async () => {
  const { get } = await site()
  const { text } = await get('/metrics')
  const shown = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name))
  const asked = new Set([read('alerts.yaml'), ...questions].flatMap(metricsIn))
  expect(asked.size).toBeGreaterThan(25)
  expect([...asked].filter((name) => !shown.has(name))).toEqual([])
})

test('every alarm has a place in the handbook, and a trial in which it sounds', () => {
  const handbook = readFileSync(join(deploy, '../../docs/operating.md'), 'utf8')
  const trials = readFileSync(join(import.meta.dirname, 'alerts.test.yaml'), 'utf8')
  expect(alarms.length).toBeGreaterThan(8)
  expect(alarms.filter((name) => !handbook.includes(`| ${name} |`))).toEqual([])
  expect(alarms.filter((name) => !trials.includes(`- alertname: ${name}\n`))).toEqual([])
})

if (installed('promtool')) {
  test('the rules are rules, and sound for a relay that is ill and not for one beside it that is well', () => {
    expect(run('promtool', ['check', 'rules', join(deploy, 'alerts.yaml')])).toMatchObject({ status: 0 })
    const { status, said } = run('promtool', ['test', 'rules', 'alerts.test.yaml'])
    expect([status, said]).toEqual([0, expect.stringContaining('SUCCESS')])
  })

  test('every question of the dashboard can be asked', async () => {
    const rules = questions.map((expr, i) => ({ record: `question_${i}`, expr }))
    const file = join(await temporaryDirectory(), 'questions.yaml')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] })) // YAML as well.
    expect(run('promtool', ['check', 'rules', file])).toMatchObject({ status: 0 })
  })

  test('what a relay shows is in the form and with the names that Prometheus asks for', async () => {
    const { get } = await site()
    const { text } = await get('/metrics')
    const { said } = run('promtool', ['check', 'metrics'], text)
    expect(said.split('\n').filter((line) => line.startsWith('linnet_relay'))).toEqual([])
  })
} else {
  test.skip('promtool is not here, so rules are not tried (Debian: apt-get install prometheus)', () => undefined)
}

/** Asks a Prometheus of its own, which reads this relay, and has the rules. */
async function reading(relay: Site): Promise<(path: string) => Promise<unknown>> {
  const [dir, at] = [await temporaryDirectory(), `127.0.0.1:${await freePort()}`]
  const targets = [relay.monitor?.replace('http://', '')]
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(deploy, 'alerts.yaml')],
    scrape_configs: [{ job_name: 'linnet-relay', static_configs: [{ targets }] }],
  }
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config))
  const options = ['config.file=prometheus.yml', 'storage.tsdb.path=data', `web.listen-address=${at}`]
  const child = spawn(
    'prometheus',
    options.map((one) => `--${one}`),
    { cwd: dir, stdio: 'ignore' },
  )
  atEnd(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  return async (path) => {
    const response = await fetch(`http://${at}/api/v1/${path}`)
    return ((await response.json()) as { data: unknown }).data
  }
}

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly name: string; readonly health: string }[] }[]
}

if (installed('prometheus')) {
  test('a Prometheus reads a relay, takes the rules, answers the dashboard, and sounds no alarm', async () => {
    const ask = await reading(await site())
    await expect
      .poll(() => ask('query?query=linnet_relay_up').catch(() => undefined), { timeout: 20_000 })
      .toMatchObject({ result: [{ metric: { job: 'linnet-relay' }, value: [expect.anything(), '1'] }] })
    for (const question of questions) {
      const answer = await ask(`query?query=${encodeURIComponent(question)}`)
      expect([question, answer]).toEqual([question, expect.objectContaining({ resultType: 'vector' })])
    }
    const evaluated = async (): Promise<readonly string[]> => {
      const { groups } = (await ask('rules')) as Rules
      return groups.flatMap(({ rules }) => rules.map(({ name, health }) => `${name} ${health}`))
    }
    await expect.poll(evaluated, { timeout: 10_000 }).toEqual(alarms.map((name) => `${name} ok`))
    const { alerts } = (await ask('alerts')) as { readonly alerts: readonly { readonly state: string }[] }
    expect(alerts.filter(({ state }) => state === 'firing')).toEqual([])
  })
} else {
  test.skip('prometheus is not here, so no relay is read by it (Debian: apt-get install prometheus)', () => undefined)
}

test('what the container is given is enough for a relay, and its question after health is answered', async () => {
  const app = await temporaryDirectory()
  const dockerfile = read('Dockerfile')
  const top = join(deploy, '../..')
  for (const [, from = '', to = ''] of dockerfile.matchAll(/^COPY (?!--from)(\S+) (\S+)$/gm)) {
    if (from === to && !from.startsWith('package')) cpSync(join(top, from), join(app, to), { recursive: true })
  }
  cpSync(join(top, 'package.json'), join(app, 'package.json'))
  symlinkSync(join(top, 'node_modules'), join(app, 'node_modules'))
  const [entry, command, health] = ['ENTRYPOINT', 'CMD', 'CMD'].map((word, i) => {
    const found = [...dockerfile.matchAll(new RegExp(`^(?:    )?${word} (\\[.*\\])$`, 'gm'))]
    return JSON.parse(found.at(i === 2 ? 0 : -1)?.[1] ?? '[]') as string[]
  })
  const [port, monitor] = [await freePort(), await freePort()]
  const env = {
    ...process.env,
    LINNET_DATA_DIR: join(app, 'data'),
    XDG_CACHE_HOME: join(app, 'cache'),
    LINNET_RELAY_MONITOR_LISTEN: `127.0.0.1:${monitor}`,
    LINNET_RELAY_NETWORK_LISTEN: `/ip4/127.0.0.1/tcp/${port}`,
  }
  const args = [...(entry ?? []), ...(command ?? [])]
  expect(args).toEqual(['node', 'cli/linnet.js', 'relay', 'run'])
  const relay = spawn(process.execPath, args.slice(1), { cwd: app, env, stdio: 'ignore' })
  const ended = once(relay, 'exit')
  atEnd(() => void relay.kill('SIGKILL'))
  const asks = (health ?? []).slice(1).map((word) => word.replace('9401', String(monitor)))
  await expect.poll(() => run(process.execPath, asks).status, { timeout: 20_000, interval: 300 }).toBe(0)
  relay.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})

if (installed('systemd-analyze')) {
  test('the unit is one that systemd takes, and lets the relay at little of the machine', async () => {
    const place = join(await temporaryDirectory(), 'linnet-relay.service')
    // As installed, where there is a program to start.
    writeFileSync(
      place,
      read('linnet-relay.service').replaceAll(/\/opt\/linnet\/node_modules\/.bin\/node/g, process.execPath),
    )
    expect(run('systemd-analyze', ['verify', place])).toEqual({ status: 0, said: '' })
    const { said } = run('systemd-analyze', ['security', '--offline=true', place])
    const [, exposure] = /Overall exposure level for linnet-relay.service: ([\d.]+)/.exec(said) ?? []
    expect(Number(exposure)).toBeLessThan(3)
  })
} else {
  test.skip('systemd-analyze is not here, so the unit is not checked (Debian: apt-get install systemd)', () =>
    undefined)
}
