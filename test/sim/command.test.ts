/** The simulator as its users meet it: exit codes, reports for programs, and the picture. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readScenario } from './scale/scenario.ts'
import { faultKinds } from './swarm/draw.ts'
import { numberOf, UsageError } from './usage.ts'

const program = fileURLToPath(new URL('main.ts', import.meta.url))
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sim-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

describe('exit codes', () => {
  test('0: nothing is wrong', () => {
    const { status, stdout } = run(['--seed', '3'])
    expect(stdout).toMatch(/\d+ messages in \d+d.*trace [0-9a-f]{16}\nnothing wrong\n$/)
    expect(status).toBe(0)
  })

  test.each([
    [['--what'], /Unknown option '--what'/],
    [['--plant', 'nothing'], /there is no bug named so/],
    [['--scenario', '/nowhere/at-all.json'], /no such file/],
    [['--trace'], /--trace is of one seed/],
    [['--nodes', '0'], /--nodes cannot be 0: 2 to 100000, whole/],
    [['--nodes', '3', '--seeds', '2'], /--nodes is of a town, --seeds of drawn worlds/],
    [['--hours', '1', '--nodes', '3', '--svg', '/nowhere/at-all.svg'], /--svg: .*no such file/],
  ])('1: %j is not understood', (flags, words) => {
    const { status, stderr } = run(flags)
    expect(stderr).toMatch(words)
    expect(stderr).not.toMatch(/\n {4}at /)
    expect(status).toBe(1)
  })

  test.each([
    ['{', /JSON/],
    ['{"nods":3}', /there is no nods/],
    ['{"nodes":"three"}', /nodes should look like \d+/],
    ['{"nodes":-3}', /nodes cannot be -3/],
    ['{"openness":{"ajar":1}}', /openness has no ajar/],
    ['{"events":[{"kind":"flood","atHours":1,"forMinutes":1}]}', /events\[0\]: kind should be one of relay-down/],
    ['{"nodes":2.5}', /nodes cannot be 2.5/],
    ['{"openness":{"public":0}}', /openness leaves nobody/],
    ['{"latencyMs":[80,5]}', /latencyMs is a lower and an upper bound/],
    ['{"events":[{"kind":"rush","atHours":1,"forMinutes":1}]}', /events\[0\]: factor should be a number/],
    ['{"events":[{"kind":"relay-down","relay":9,"atHours":1,"forMinutes":1}]}', /relay cannot be 9: 0 to 2/],
    ['{"events":[{"kind":"blackout","share":1,"atHours":99,"forMinutes":1}]}', /atHours cannot be 99: 0 to 24/],
    ['{"events":[{"kind":"blackout","share":1,"atHours":1,"forMinutes":1,"wiped":true}]}', /there is no wiped/],
  ])('1: the scenario %s is not understood', (text, words) => {
    const file = join(folder, 'scenario.json')
    writeFileSync(file, text)
    expect(() => readScenario(file)).toThrow(words)
    expect(() => readScenario(file)).toThrow(UsageError)
  })

  test('a reader that has had enough is nothing wrong', () => {
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `"$0" "$1" --seed 3 --trace | head -n 1`, process.execPath, program],
      {
        encoding: 'utf8',
        timeout: 60_000,
      },
    )
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })

  test('1: a number that is none', () => {
    expect(() => numberOf('seeds', 'many', Number.isInteger)).toThrow(/--seeds needs a number, not many/)
    expect(() => numberOf('hours', '-1', Number.isFinite)).toThrow(UsageError)
    expect(numberOf('hours', '0.5', Number.isFinite)).toBe(0.5)
  })

  test('2: something is found, with the line that replays it and a smaller world that fails alike', () => {
    const { status, stdout } = run(['--seeds', '12', '--plant', 'no dedupe'])
    expect(status).toBe(2)
    expect(stdout).toMatch(/seed \d+: .*once: .*\n {2}npm run sim -- --seed \d+ --plant 'no dedupe'\n/)
    const line = /fails alike:\n {2}npm run sim -- --seed (\d+) --plant 'no dedupe' --world '(.*)'\n/.exec(stdout)
    const [, seed = '', world = ''] = line ?? []
    const again = run(['--seed', seed, '--plant', 'no dedupe', '--world', world])
    expect(again.status).toBe(2)
    expect(again.stdout).toMatch(/ once: /)
  })
})

describe('reports for programs', () => {
  test('of many seeds', () => {
    const { status, stdout } = run(['--seeds', '3', '--from', '2', '--json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      seeds: 3,
      failures: [],
      missed: [],
      marks: expect.objectContaining({ 'collected-from-mailbox': expect.any(Number) }),
      seedsWith: expect.objectContaining({ 'collected-from-mailbox': expect.any(Number) }),
      happened: expect.any(Number),
      said: expect.any(Number),
      virtualMs: expect.any(Number),
      wallMs: expect.any(Number),
    })
  })

  test('of one seed, also one that fails', () => {
    const { status, stdout } = run(['--seed', '4', '--json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ seed: 4, failed: false, hash: expect.stringMatching(/^[0-9a-f]{16}$/) })
    const failing = run(['--seeds', '12', '--plant', 'receipt on store', '--json'])
    expect(failing.status).toBe(2)
    const [failure] = JSON.parse(failing.stdout).failures
    expect(failure).toMatchObject({ failed: true, property: 'receipts never lie', detail: expect.any(String) })
    const { drawn } = JSON.parse(run(['--seed', `${failure.seed}`, '--json']).stdout)
    for (const fault of drawn.faults) expect(faultKinds).toContain(fault)
  })

  test('of a town, with its picture', () => {
    const svg = join(folder, 'town.svg')
    const { status, stdout } = run([
      '--nodes',
      '12',
      '--relays',
      '2',
      '--hours',
      '3',
      '--seed',
      '5',
      '--json',
      '--svg',
      svg,
    ])
    expect(status).toBe(0)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({
      scenario: 'an ordinary day',
      seed: 5,
      nodes: 12,
      relays: 2,
      hours: 3,
      complaints: [],
    })
    expect(report.said).toBeGreaterThan(80)
    expect(report.shown).toBeLessThanOrEqual(report.said)
    for (const share of ['p50', 'p90', 'p99', 'max']) expect(report.latencyMs[share]).toBeGreaterThan(0)
    expect(report.relayLoad).toHaveLength(2)
    for (const name of ['events', 'eventsPerSecond', 'bytesOfMemoryPerNode', 'bytesPerDevice', 'deposits', 'wallMs']) {
      expect(report[name], name).toBeGreaterThan(0)
    }
    const picture = readFileSync(svg, 'utf8')
    expect(picture).toMatch(/^<svg [\s\S]*<polyline[\s\S]*<\/svg>\n$/)
    expect(picture).toMatch(/12 people, 2 relays, 3 h, seed 5/)
    expect(picture).not.toMatch(/NaN|undefined/)
  })
})

function run(flags: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [program, ...flags], { encoding: 'utf8', timeout: 60_000 })
}
