/**
 * One question to one directory, one answer, in bounded time. Whether it is asked as ourselves or anonymously is decided by
 * whose `open` is given; whether the answer is to be believed, by the core.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import { requestMsMax } from '../../protocol/limits.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { directoryFrame, directoryProtocol, type DirectoryFrame } from '../../protocol/wire/directory.ts'
import type { DirectoryAnswer } from '../core/inputs.ts'
import { placeOf } from './addresses.ts'
import { Unreachable, reasonOf, withDeadline } from './deadline.ts'
import type { Manner, Reached } from './reach.ts'

export interface DirectoryOpener {
  open(
    device: DeviceId,
    addresses: readonly string[],
    protocol: string,
    manner?: Pick<Manner, 'onSilent' | 'relay'>,
  ): Promise<Reached>
}

/** `at` is a full multiaddr, of a relay or of a person's device. Never rejects. */
export async function askDirectory(
  opener: DirectoryOpener,
  at: string,
  question: DirectoryFrame,
  {
    answerMsMax = requestMsMax,
    ...manner
  }: Pick<Manner, 'onSilent' | 'relay'> & { readonly answerMsMax?: number } = {},
): Promise<DirectoryAnswer> {
  const place = placeOf(at)
  if (place === undefined) return { kind: 'unreachable', reason: 'not an address that can be dialled' }
  let reached: Reached | undefined
  try {
    const frame = await withDeadline(answerMsMax, async (signal) => {
      reached = await opener.open(place.device, [place.address], directoryProtocol, manner)
      if (signal.aborted) reached.stream.abort(new Error('too late'))
      return exchange(reached, question)
    })
    return { kind: 'answered', frame }
  } catch (error) {
    reached?.stream.abort(new Error('gave up'))
    return { kind: 'unreachable', reason: reasonOf(error) }
  }
}

function exchange({ stream }: Reached, question: DirectoryFrame): Promise<DirectoryFrame> {
  return new Promise((resolve, reject) => {
    const frames: Frames<DirectoryFrame> = new Frames<DirectoryFrame>(stream, {
      codec: directoryFrame,
      onFrame: (answer) => {
        resolve(answer)
        frames.close()
      },
      onEnd: (reason) => reject(new Unreachable(reason)), // After an answer this changes nothing.
    })
    frames.send(question)
  })
}
