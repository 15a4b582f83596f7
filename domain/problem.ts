import type { Label } from './quantity.ts'

/** A refusal, as RFC 9457 wants it told: a stable code, the HTTP status, and what people read. */
type ProblemDefinition = { status: number; fr: string; en: string }

/**
 * Every error that the API and the command line can answer. A test keeps this table and docs/errors.md equal.
 * Titles say what to do where there is something to do; `detail` of a problem says which object is meant.
 */
export const problems = {
  bad_request: { status: 400, fr: 'La demande n’est pas valide', en: 'The request is not valid' },
  bad_credentials: { status: 401, fr: 'Identification absente ou inconnue', en: 'Credentials missing or unknown' },
  forbidden: { status: 403, fr: 'Ce rôle ne le permet pas', en: 'This role does not allow it' },
  not_found: { status: 404, fr: 'Cet objet n’existe pas', en: 'There is no such object' },
  bad_link: {
    status: 410,
    fr: 'Ce lien ne vaut plus : demandez-en un autre à un administrateur',
    en: 'This link is no longer good: ask an administrator for another one',
  },
  method_not_allowed: { status: 405, fr: 'Méthode non admise ici', en: 'Method not allowed here' },
  already_exists: { status: 409, fr: 'Cet identifiant est déjà pris', en: 'This identifier is taken' },
  in_use: { status: 409, fr: 'Cet objet sert encore', en: 'This object is still in use' },
  move_not_allowed: {
    status: 409,
    fr: 'Le cycle de vie ne passe pas d’un état à l’autre ainsi',
    en: 'The life cycle does not go this way',
  },
  changes_not_allowed: {
    status: 409,
    fr: 'Le fichier modifierait des équipements : autorisez les modifications',
    en: 'The file would change assets: allow the changes',
  },
  changed_since: {
    status: 409,
    fr: 'Ce n’est plus annulable : des objets ont changé depuis',
    en: 'This cannot be undone any more: objects have changed since',
  },
  overlapping_installation: {
    status: 409,
    fr: 'L’appareil est déjà installé pendant cette période',
    en: 'The device is already installed during this period',
  },
  not_installed: { status: 409, fr: 'L’appareil n’est pas installé', en: 'The device is not installed' },
  replay_too_large: {
    status: 409,
    fr: 'Trop de relevés tardifs sont arrivés depuis : rejouez une période plus courte, ou jusqu’à maintenant',
    en: 'Too many late readings arrived since then: replay a shorter span, or up to now',
  },
  journal_incomplete: {
    status: 409,
    fr: 'Le journal ne garde plus tout ce qui est arrivé depuis cette date',
    en: 'The journal no longer holds all that arrived since then',
  },
  store_cannot_remove: {
    status: 409,
    fr: 'La base des mesures ne sait pas supprimer de relevés',
    en: 'This reading store cannot remove readings',
  },
  changed_meanwhile: {
    status: 412,
    fr: 'Cet objet a changé entre-temps : relisez-le, puis recommencez',
    en: 'This object has changed meanwhile: read it again, then repeat the change',
  },
  builtin_model: {
    status: 409,
    fr: 'Ce modèle fait partie de Parvis et ne se modifie pas',
    en: 'This model is part of Parvis and cannot be changed',
  },
  last_admin: {
    status: 409,
    fr: 'Il faut garder au moins un administrateur',
    en: 'At least one administrator has to stay',
  },
  too_many_commands: {
    status: 409,
    fr: 'Trop de commandes attendent déjà',
    en: 'Too many commands are waiting already',
  },
  payload_too_large: { status: 413, fr: 'La demande est trop grande', en: 'The request is too large' },
  unsupported_media_type: { status: 415, fr: 'Type de contenu non admis', en: 'Content type not supported' },
  unknown_model: { status: 422, fr: 'Ce modèle n’est pas au catalogue', en: 'This model is not in the catalogue' },
  too_many_models: { status: 422, fr: 'Trop de modèles', en: 'Too many models' },
  no_downlink: {
    status: 422,
    fr: 'Aucune commande ne peut atteindre cet appareil',
    en: 'No command can reach this device',
  },
  not_encodable: { status: 422, fr: 'Cette commande ne se code pas', en: 'This command cannot be encoded' },
  not_a_repository: {
    status: 422,
    fr: 'Ce dossier ne contient ni les codecs de The Things Network, ni ceux de ChirpStack, ni ceux d’Actility',
    en: 'This folder holds the codecs of neither The Things Network, ChirpStack nor Actility',
  },
  unknown_asset_kind: { status: 422, fr: 'Ce type d’équipement est inconnu', en: 'This asset kind is unknown' },
  unknown_format: { status: 422, fr: 'Ce format d’intégration est inconnu', en: 'This integration format is unknown' },
  weak_secret: {
    status: 422,
    fr: 'Le secret doit avoir au moins 16 caractères',
    en: 'The secret must have at least 16 characters',
  },
  weak_password: {
    status: 422,
    fr: 'Ce mot de passe ne convient pas',
    en: 'This password will not do',
  },
  wrong_password: {
    status: 422,
    fr: 'Le mot de passe actuel n’est pas celui-là',
    en: 'This is not the present password',
  },
  too_many_requests: { status: 429, fr: 'Trop de demandes : réessayez plus tard', en: 'Too many requests: try later' },
  internal: { status: 500, fr: 'Erreur interne, consignée au journal du service', en: 'Internal error, logged' },
  grafana_refused: {
    status: 502,
    fr: 'Grafana n’a pas pris les tableaux',
    en: 'Grafana did not take the dashboards',
  },
  documents_full: {
    status: 507,
    fr: 'Il n’y a plus de place pour les documents : retirez-en, ou agrandissez le disque',
    en: 'There is no more room for documents: remove some, or enlarge the disk',
  },
  not_ready: { status: 503, fr: 'Le service n’est pas prêt', en: 'The service is not ready' },
} as const satisfies Record<string, ProblemDefinition>

export type ProblemCode = keyof typeof problems

/** What a refusal is about: a name, the same in every language, or a sentence in each. */
export type Detail = string | Label

/** What is wrong with one part of a request: a field by its path, or a cell of a file by its line and column too. */
export type PartProblem = { path: string; message: Detail; line?: number; column?: string }

/** Thrown wherever a request is refused; the API answers it as a problem document, the command line as exit code 1. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly detail: Detail | undefined
  readonly errors: readonly PartProblem[] | undefined

  /** `detail` says which object is meant; `errors` lists the bad fields of a `bad_request`. */
  constructor(code: ProblemCode, detail?: Detail, errors?: readonly PartProblem[]) {
    super(detail === undefined ? problems[code].en : `${problems[code].en}: ${tellDetail(detail, 'en')}`)
    this.code = code
    this.detail = detail
    this.errors = errors
  }

  get status(): number {
    return problems[this.code].status
  }
}

/** A detail in one language. */
export function tellDetail(detail: Detail, language: 'fr' | 'en'): string {
  return typeof detail === 'string' ? detail : detail[language]
}

/** What a refusal is about, for people, in both languages: its title and its detail. */
export function describeProblem({ code, detail }: Pick<Problem, 'code' | 'detail'>): Label {
  const tell = (language: 'fr' | 'en') => {
    const colon = language === 'fr' ? ' : ' : ': '
    return problems[code][language] + (detail === undefined ? '' : colon + tellDetail(detail, language))
  }
  return { fr: tell('fr'), en: tell('en') }
}

/** The RFC 9457 document of a problem, in one language. */
export function problemDocument(problem: Problem, language: 'fr' | 'en') {
  return {
    type: `urn:parvis:problem:${problem.code}`,
    title: problems[problem.code][language],
    status: problem.status,
    code: problem.code,
    ...(problem.detail === undefined ? {} : { detail: tellDetail(problem.detail, language) }),
    ...(problem.errors === undefined
      ? {}
      : { errors: problem.errors.map((each) => ({ ...each, message: tellDetail(each.message, language) })) }),
  }
}
