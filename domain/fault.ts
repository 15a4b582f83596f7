import { defineQuantity, isQuantity, type Quantity } from './quantity.ts'
import { cutText, quoteText } from './text.ts'

/** Why an uplink, or a part of it, could not become readings. Fixed: programs are written against these words. */
export const deadLetterReasons = [
  'unknown_device',
  'unknown_quantity',
  'bad_json',
  'bad_frame',
  'bad_value',
  'out_of_range',
  'clock_future',
  'too_old',
  'codec_error',
  'codec_timeout',
  'store_refused',
] as const
export type DeadLetterReason = (typeof deadLetterReasons)[number]

/**
 * What was wrong with one part of an uplink. `code` is a row of `faultTexts`, `params` fill its text; both are kept, so
 * that the reader chooses the language.
 */
export type Fault = { code: FaultCode; params?: Record<string, string | number> }

type FaultText = { reason: DeadLetterReason; fr: string; en: string }

/**
 * Every fault, with the reason that it counts as and what a technician reads. Placeholders are `{name}`; a test holds
 * both languages to the same ones.
 */
export const faultTexts = {
  empty: { reason: 'bad_json', fr: 'Le message est vide.', en: 'The message is empty.' },
  not_utf8: {
    reason: 'bad_json',
    fr: 'Le message n’est pas du texte UTF-8.',
    en: 'The message is not UTF-8 text.',
  },
  not_json: {
    reason: 'bad_json',
    fr: 'Le message n’est pas du JSON : {error}.',
    en: 'The message is not JSON: {error}.',
  },
  too_deep: {
    reason: 'bad_json',
    fr: 'Le message imbrique plus de {limit} objets ou tableaux.',
    en: 'The message nests more than {limit} objects or arrays.',
  },
  not_object: {
    reason: 'bad_json',
    fr: 'Un objet {"readings": …}, ou un tableau de tels objets, était attendu{where}.',
    en: 'An object {"readings": …}, or an array of such objects, was expected{where}.',
  },
  no_readings: {
    reason: 'bad_json',
    fr: 'L’objet "readings" manque ou est vide{where}.',
    en: 'The object "readings" is missing or empty{where}.',
  },
  unknown_key: {
    reason: 'bad_json',
    fr: 'Le champ « {key} » n’est pas prévu{where} ; les champs connus sont observedAt, channel et readings.',
    en: 'The field "{key}" is not expected{where}; the known fields are observedAt, channel and readings.',
  },
  no_known_field: {
    reason: 'bad_json',
    fr: 'Aucun des champs que le modèle connaît n’est dans le message{where}.',
    en: 'None of the fields that the model knows is in the message{where}.',
  },
  bad_channel: {
    reason: 'bad_value',
    fr: 'Le canal doit être un texte d’au plus {limit} caractères, sans caractère de contrôle{where}.',
    en: 'The channel must be a text of at most {limit} characters, without control characters{where}.',
  },
  bad_time: {
    reason: 'bad_value',
    fr: 'observedAt doit être une date RFC 3339 avec fuseau, ou des millisecondes depuis 1970{where}.',
    en: 'observedAt must be an RFC 3339 date with its offset, or milliseconds since 1970{where}.',
  },
  too_many_readings: {
    reason: 'bad_value',
    fr: 'Le message contient plus de {limit} relevés ; les suivants n’ont pas été lus.',
    en: 'The message holds more than {limit} readings; those after were not read.',
  },
  unknown_device: {
    reason: 'unknown_device',
    fr: 'L’appareil « {deviceId} » n’est pas enregistré.',
    en: 'The device "{deviceId}" is not registered.',
  },
  no_device: {
    reason: 'unknown_device',
    fr: 'Le message ne dit pas de quel appareil il vient ({path} manque).',
    en: 'The message does not say which device it comes from ({path} is missing).',
  },
  unknown_topic: {
    reason: 'unknown_device',
    fr: 'Aucun appareil ni intégration ne correspond au sujet « {topic} ».',
    en: 'No device or integration goes with the topic "{topic}".',
  },
  unknown_model: {
    reason: 'codec_error',
    fr: 'Le modèle « {model} » de l’appareil n’est pas au catalogue.',
    en: 'The device’s model "{model}" is not in the catalogue.',
  },
  unknown_format: {
    reason: 'codec_error',
    fr: 'Le format « {format} » de l’intégration n’existe pas.',
    en: 'The integration’s format "{format}" does not exist.',
  },
  unknown_quantity: {
    reason: 'unknown_quantity',
    fr: 'La grandeur « {quantity} » est inconnue{where}.',
    en: 'The quantity "{quantity}" is unknown{where}.',
  },
  not_a_number: {
    reason: 'bad_value',
    fr: '{quantity} : un nombre était attendu, le message donne {value}{where}.',
    en: '{quantity}: a number was expected, the message gives {value}{where}.',
  },
  unknown_state: {
    reason: 'bad_value',
    fr: '{quantity} : l’état « {value} » n’existe pas ; les états sont {states}{where}.',
    en: '{quantity}: there is no state "{value}"; the states are {states}{where}.',
  },
  out_of_range: {
    reason: 'out_of_range',
    fr: '{quantity} : {value} {unit} est hors de la plage de {min} à {max}.',
    en: '{quantity}: {value} {unit} is outside the range from {min} to {max}.',
  },
  clock_future: {
    reason: 'clock_future',
    fr: '{quantity} : observé le {observedAt}, plus de 5 minutes après la réception. L’horloge de l’appareil avance.',
    en: '{quantity}: observed on {observedAt}, more than 5 minutes after reception. The device’s clock is ahead.',
  },
  too_old: {
    reason: 'too_old',
    fr: '{quantity} : observé le {observedAt}, avant l’horizon de {days} jours.',
    en: '{quantity}: observed on {observedAt}, before the horizon of {days} days.',
  },
  wrong_length: {
    reason: 'bad_frame',
    fr: 'La trame fait {found} octets ; le modèle en attend {expected}.',
    en: 'The frame has {found} bytes; the model expects {expected}.',
  },
  wrong_marker: {
    reason: 'bad_frame',
    fr: 'L’octet {at} de la trame vaut {found} ; le modèle attend {expected}.',
    en: 'Byte {at} of the frame is {found}; the model expects {expected}.',
  },
  not_base64: {
    reason: 'bad_frame',
    fr: 'Le champ {path} n’est pas du base64.',
    en: 'The field {path} is not base64.',
  },
  not_hex: {
    reason: 'bad_frame',
    fr: 'Le champ {path} n’est pas de l’hexadécimal.',
    en: 'The field {path} is not hexadecimal.',
  },
  no_frame: {
    reason: 'bad_frame',
    fr: 'Le message ne contient pas de trame ({path}).',
    en: 'The message holds no frame ({path}).',
  },
  not_cbor: {
    reason: 'bad_frame',
    fr: 'Le message n’est pas du CBOR : {error}.',
    en: 'The message is not CBOR: {error}.',
  },
  senml_no_pack: {
    reason: 'bad_json',
    fr: 'Un tableau d’enregistrements SenML était attendu.',
    en: 'An array of SenML records was expected.',
  },
  senml_empty: {
    reason: 'bad_json',
    fr: 'Aucun enregistrement SenML n’a de valeur.',
    en: 'No SenML record has a value.',
  },
  senml_bad_record: {
    reason: 'bad_value',
    fr: 'Cet enregistrement SenML n’en est pas un, ou sa version est inconnue{where} ; les suivants n’ont pas été lus.',
    en: 'This SenML record is none, or of an unknown version{where}; those after were not read.',
  },
  senml_unknown_field: {
    reason: 'bad_value',
    fr: 'L’enregistrement SenML exige de comprendre le champ « {key} »{where}.',
    en: 'The SenML record demands that the field "{key}" be understood{where}.',
  },
  senml_other_device: {
    reason: 'unknown_device',
    fr: 'Un message parle d’un seul appareil ; cet enregistrement est de « {deviceId} »{where}.',
    en: 'A message speaks of one device; this record is of "{deviceId}"{where}.',
  },
  senml_bad_value: {
    reason: 'bad_value',
    fr: '{quantity} : pas de valeur lisible en « {unit} »{where}.',
    en: '{quantity}: no readable value in "{unit}"{where}.',
  },
  tic_no_group: {
    reason: 'bad_frame',
    fr: 'Aucun groupe TIC dans le message.',
    en: 'No TIC group in the message.',
  },
  tic_bad_group: {
    reason: 'bad_frame',
    fr: 'Groupe TIC illisible : « {group} ».',
    en: 'Unreadable TIC group: "{group}".',
  },
  tic_bad_checksum: {
    reason: 'bad_frame',
    fr: 'Groupe TIC {label} : somme de contrôle fausse (lue « {found} », calculée « {expected} »).',
    en: 'TIC group {label}: wrong checksum (read "{found}", computed "{expected}").',
  },
  tic_bad_data: {
    reason: 'bad_frame',
    fr: 'Groupe TIC {label} : « {data} » n’est pas ce que ce groupe contient.',
    en: 'TIC group {label}: "{data}" is not what this group holds.',
  },
  tic_broken_frame: {
    reason: 'bad_frame',
    fr: 'La trame TIC est coupée près du groupe « {group} ».',
    en: 'The TIC frame is broken near the group "{group}".',
  },
  codec_error: {
    reason: 'codec_error',
    fr: 'Le codec a échoué : {error}.',
    en: 'The codec failed: {error}.',
  },
  codec_timeout: {
    reason: 'codec_timeout',
    fr: 'Le codec n’a pas répondu en {ms} ms.',
    en: 'The codec did not answer within {ms} ms.',
  },
  codec_suspended: {
    reason: 'codec_timeout',
    fr: 'Le codec a dépassé son délai {count} fois de suite ; il n’est plus exécuté tant qu’il n’est pas corrigé.',
    en: 'The codec timed out {count} times running; it is not run until it is mended.',
  },
  codec_overloaded: {
    reason: 'codec_timeout',
    fr: 'Le codec est trop lent pour ce qui arrive : le message a attendu {seconds} s sans être décodé.',
    en: 'The codec is too slow for what arrives: the message waited {seconds} s and was not decoded.',
  },
  codec_no_function: {
    reason: 'codec_error',
    fr: 'Le codec n’a pas de fonction decodeUplink : il ne lit rien.',
    en: 'The codec has no function decodeUplink: it reads nothing.',
  },
  codec_no_data: {
    reason: 'codec_error',
    fr: 'Le codec n’a rendu aucune donnée.',
    en: 'The codec answered no data.',
  },
  answer_no_object: {
    reason: 'codec_error',
    fr: 'Le codec a rendu autre chose qu’un objet{where}.',
    en: 'The codec answered something other than an object{where}.',
  },
  nothing_mapped: {
    reason: 'unknown_quantity',
    fr: 'Aucune des valeurs du codec n’est associée à une grandeur : {names}.',
    en: 'None of the codec’s values is mapped to a quantity: {names}.',
  },
  store_refused: {
    reason: 'store_refused',
    fr: '{quantity} : refusé par la base de relevés : {error}.',
    en: '{quantity}: refused by the reading store: {error}.',
  },
  more_faults: {
    reason: 'bad_value',
    fr: '… et {count} autres défauts.',
    en: '… and {count} more faults.',
  },
} as const satisfies Record<string, FaultText>

export type FaultCode = keyof typeof faultTexts

/** A fault at hand: `fault('out_of_range', { quantity, value, ... })`. Texts are cut at `maxQuoteLength`. */
export function fault(code: FaultCode, params?: Record<string, string | number>): Fault {
  if (params === undefined) return { code }
  const kept: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(params)) kept[name] = typeof value === 'string' ? cutText(value) : value
  return { code, params: kept }
}

/** The reason that a fault counts as. */
export function faultReason(fault: Fault): DeadLetterReason {
  return faultTexts[fault.code].reason
}

/**
 * What a technician reads of a fault. Texts from payloads are cut and freed of control characters, quantities and
 * units are told as people say them.
 */
export function faultText(fault: Fault, language: 'fr' | 'en'): string {
  const params = new Map(Object.entries(fault.params ?? {}))
  return faultTexts[fault.code][language].replace(/ ?\{(\w+)\}/g, (whole, name: string) => {
    const value = params.get(name)
    // "where" is optional: it tells which item of an array is meant.
    if (value === undefined) return name === 'where' ? '' : whole
    const told =
      typeof value === 'number'
        ? numbers[language].format(value).replace(/^-/, '−')
        : tell(name, quoteText(value), language)
    return whole.startsWith(' ') && told !== '' ? ` ${told}` : told
  })
}

const numbers = {
  fr: new Intl.NumberFormat('fr-FR', { maximumFractionDigits: 9 }),
  en: new Intl.NumberFormat('en-GB', { maximumFractionDigits: 9 }),
}

function tell(name: string, value: string, language: 'fr' | 'en'): string {
  if (name === 'quantity' && isQuantity(value)) return `${defineQuantity(value).label[language]} (${value})`
  if (name === 'unit') return unitSymbols[value] ?? value
  return value
}

// UCUM codes that people write otherwise; a pure number has no unit to tell.
const unitSymbols: Readonly<Record<string, string>> = {
  '1': '',
  Cel: '°C',
  deg: '°',
  m3: 'm³',
  '[ppm]': 'ppm',
  'ug/m3': 'µg/m³',
}

/** One decoded value, before its range and clock are judged. Without `observedAt` the uplink's `receivedAt` serves. */
export type DecodedReading = { channel: string; quantity: Quantity; value: number; observedAt?: number }

/** What a codec or format gives: the readings that it could read, and what was wrong with the rest. It never throws. */
export type Decoding = { readings: DecodedReading[]; faults: Fault[] }
