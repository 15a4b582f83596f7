import { formatDateTime } from '../../format.ts'
import { setFrench } from '../../writing.ts'

/** What is told of a dead letter, its times (ISO 8601, UTC) as the reader writes them. */
export function tellDetail(detail: string, writing: Parameters<typeof formatDateTime>[1]): string {
  const told = detail.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (time) => {
    const at = Date.parse(time)
    return Number.isNaN(at) ? time : formatDateTime(at, writing)
  })
  return writing.language === 'fr' ? setFrench(told) : told
}
