/** Results as tables, processor time first, and how many times better or worse ours are. */
import { shown, type Figures } from './figures.ts'
import type { Plan } from './plans.ts'
import type { Result } from './turns.ts'

interface Column {
  readonly heading: string
  readonly figure: string
  /** Whether ours are compared, and which way round is better. */
  readonly better?: 'less' | 'more'
}

interface Table {
  readonly title: string
  readonly columns: readonly Column[]
}

export function report(results: readonly Result[], plan: Plan): string {
  return tablesOf(plan)
    .flatMap(({ title, columns }) => {
      const measured = columns.filter(({ figure }) => results.some(({ figures }) => figures[figure] !== undefined))
      if (measured.length === 0) return []
      return [`### ${title}\n`, ...rows(results, measured), '', ...ratios(results, measured)]
    })
    .join('\n')
}

function tablesOf({ store, online, wire }: Plan): Table[] {
  const messages = store.messages.toLocaleString('en')
  return [
    {
      title: `Stored: ${messages} messages of ${store.bytes} bytes for ${store.recipients} people who are away`,
      columns: [
        { heading: 'server CPU, µs a message', figure: 'store: server CPU, µs a message', better: 'less' },
        { heading: 'messages/s', figure: 'store: messages/s', better: 'more' },
        { heading: 'acknowledged after, ms, median', figure: 'store: acknowledged after, ms, median' },
        { heading: '99 %', figure: 'store: acknowledged after, ms, 99 %' },
        { heading: 'syncs per 1,000', figure: 'store: syncs per 1,000 messages' },
        { heading: 'memory after, MiB', figure: 'store: memory afterwards, MiB' },
        { heading: 'load CPU, µs', figure: 'store: load CPU, µs a message' },
        { heading: 'others’ share', figure: 'store: others’ share of the machine' },
      ],
    },
    {
      title: `Drained: the same people connect and take all of it`,
      columns: [
        { heading: 'server CPU, µs a message', figure: 'drain: server CPU, µs a message', better: 'less' },
        { heading: 'messages/s', figure: 'drain: messages/s with connects', better: 'more' },
        { heading: 'not delivered', figure: 'drain: not delivered on this connection' },
        { heading: 'twice', figure: 'drain: delivered twice' },
      ],
    },
    ...online.rates.map((rate) => ratedTable(`online ${rate.toLocaleString('en')}/s`, rate, online.bytes)),
    {
      title: `Online, as many as possible`,
      columns: [
        { heading: 'server CPU, µs a message', figure: 'online at most: server CPU, µs a message', better: 'less' },
        { heading: 'messages/s', figure: 'online at most: messages/s', better: 'more' },
        { heading: 'load CPU, µs', figure: 'online at most: load CPU, µs a message' },
        { heading: 'others’ share', figure: 'online at most: others’ share of the machine' },
      ],
    },
    ...wire.sizes.map(wireTable),
  ]
}

function ratedTable(prefix: string, rate: number, bytes: number): Table {
  return {
    title: `Online, ${rate.toLocaleString('en')} messages/s of ${bytes} bytes`,
    columns: [
      { heading: 'server CPU, µs a message', figure: `${prefix}: server CPU, µs a message`, better: 'less' },
      { heading: 'arrives after, ms, median', figure: `${prefix}: arrives after, ms, median` },
      { heading: '99 %', figure: `${prefix}: arrives after, ms, 99 %`, better: 'less' },
      { heading: 'acknowledged after, ms, 99 %', figure: `${prefix}: acknowledged after, ms, 99 %` },
      { heading: 'late, %', figure: `${prefix}: not arrived and acknowledged in time, %` },
      { heading: 'others’ share', figure: `${prefix}: others’ share of the machine` },
    ],
  }
}

function wireTable(bytes: number): Table {
  return {
    title: `Bytes on the wire for a message of ${bytes} bytes, all acknowledgements included`,
    columns: [
      { heading: 'in all', figure: `wire ${bytes}: bytes a message`, better: 'less' },
      { heading: 'beyond the body twice', figure: `wire ${bytes}: of them beyond the body twice` },
      { heading: 'sender and server', figure: `wire ${bytes}: between sender and server` },
      { heading: 'server and recipient', figure: `wire ${bytes}: between server and recipient` },
    ],
  }
}

function rows(results: readonly Result[], columns: readonly Column[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(['', ...columns.map(({ heading }) => heading)]),
    line(['---', ...columns.map(() => '---')]),
    ...results.map(({ contender, figures }) =>
      line([contender.name, ...columns.map(({ figure }) => shown(figures[figure]))]),
    ),
  ]
}

/** The first of the results is ours. */
function ratios([ours, ...others]: readonly Result[], columns: readonly Column[]): string[] {
  if (ours === undefined) return []
  return others.flatMap(({ contender, figures }) => {
    const compared = columns.flatMap(({ heading, figure, better }) => {
      const ratio = better === undefined ? undefined : ratioOf(ours.figures[figure], figures[figure], better)
      return ratio === undefined ? [] : [`${heading} ${shown(ratio)}×`]
    })
    return compared.length === 0 ? [] : [`${ours.contender.name} against ${contender.name}: ${compared.join(', ')}\n`]
  })
}

/** More than 1 where ours is the better one. */
function ratioOf(own: Figures[string], other: Figures[string], better: 'less' | 'more'): number | undefined {
  if (own === undefined || other === undefined || own === 0 || other === 0) return undefined
  return better === 'less' ? other / own : own / other
}
