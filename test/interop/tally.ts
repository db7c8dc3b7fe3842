/** Counts what held and what did not, and says the first few that did not. */

const failuresShownMax = 20

export interface Tally {
  passed: number
  failed: number
}

export const tally: Tally = { passed: 0, failed: 0 }

export function check(holds: boolean, what: string): void {
  if (holds) {
    tally.passed++
    return
  }
  tally.failed++
  if (tally.failed <= failuresShownMax) say(`FAILED: ${what}`)
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
