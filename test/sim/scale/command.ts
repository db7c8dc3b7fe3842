/** A town run from the command line: a scenario, narrowed by flags, and its report. */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { UsageError } from '../usage.ts'
import { progress } from '../progress.ts'
import { picture } from './picture.ts'
import { reportOf, tell } from './report.ts'
import { checkBounds } from './scenario-bounds.ts'
import { plainScenario, readScenario, type Scenario } from './scenario.ts'
import { Town } from './town.ts'

export interface ScaleOptions {
  readonly nodes: number | undefined
  readonly relays: number | undefined
  readonly hours: number | undefined
  readonly messagesPerNodePerDay: number | undefined
  readonly seed: number
  readonly scenario: string | undefined
  readonly svg: string | undefined
  readonly json: boolean
}

export function runScale({ seed, scenario: file, svg, json, ...given }: ScaleOptions): number {
  const base = file === undefined ? plainScenario : readScenario(file)
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const scenario: Scenario = { ...base, ...chosen }
  for (const [name, value] of Object.entries(chosen)) checkBounds(`--${flagOf[name] ?? name}`, value, name)
  if (svg !== undefined) checkWritable(svg)
  const bar = progress()
  const before = process.memoryUsage().rss
  const startedMs = performance.now()
  const town = new Town(scenario, seed)
  town.run((share) => {
    const { said, shown } = town.measures
    bar.show(share, `${(share * scenario.hours).toFixed(1)} h, ${said} said, ${shown} shown`)
  })
  bar.clear()
  const cost = { wallMs: performance.now() - startedMs, bytes: process.memoryUsage().rss - before }
  const report = reportOf(town, seed, cost)
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${tell(report)}\n`)
  if (svg !== undefined) {
    const title = `${scenario.name}: ${scenario.nodes} people, ${scenario.relays} relays, ${scenario.hours} h, seed ${seed}`
    writeFileSync(svg, picture({ title, hours: scenario.hours, slices: town.measures.slices }))
  }
  return report.complaints.length > 0 ? 2 : 0
}

const flagOf: Readonly<Record<string, string>> = { messagesPerNodePerDay: 'messages' }

/** Better known before an hour of simulation than after. */
function checkWritable(path: string): void {
  try {
    closeSync(openSync(path, 'a'))
  } catch (error) {
    throw new UsageError(`--svg: ${error instanceof Error ? error.message : String(error)}`)
  }
}
