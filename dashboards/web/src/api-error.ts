/** What is wrong with one part of a request: a field, or a cell of a file. */
export type FieldProblem = { path: string; message: string; line?: number; column?: string }
/** What the API tells of a refusal, in the language that was asked for: RFC 9457. */
export type ProblemDocument = { code?: string; title?: string; detail?: string; errors?: FieldProblem[] }

/** A refusal of the API, or its silence: `status` 0 stands for no answer at all. */
export class ApiError extends Error {
  readonly status: number
  /** Of the table of problems; empty when the API did not answer. */
  readonly code: string
  /** What is the matter, in general. */
  readonly title: string
  /** What the API says of the object that is meant. */
  readonly detail: string
  readonly errors: readonly FieldProblem[]

  constructor(status: number, { code = '', title = '', detail = '', errors = [] }: ProblemDocument = {}) {
    super(`${status} ${detail}`)
    this.status = status
    this.code = code
    this.title = title
    this.detail = detail
    this.errors = errors
  }
}
