import type { DeadLetterReason } from '../../../../../domain/fault.ts'
import { plural } from '../../writing.ts'

export const fr = {
  intro:
    'Ce qui a été reçu sans pouvoir devenir des relevés. Rien n’est perdu : une fois la cause corrigée, ces messages sont rejoués et deviennent des relevés.',
  empty: 'Aucun message écarté : tout ce qui arrive devient des relevés.',
  emptyAdvice: 'Rien à faire ici. Si des relevés manquent, voyez quels appareils sont silencieux, page Appareils.',
  groups: 'Par cause',
  all: 'Un par un',
  count: (count: string) => `${count} ${plural.fr(count, 'message', 'messages')}`,
  devices: (count: string) => `${count} ${plural.fr(count, 'appareil', 'appareils')}`,
  last: 'le dernier',
  open: (reason: string) => `Voir et corriger : ${reason}`,
  openShort: 'Voir et corriger',
  look: 'Voir',
  lookAt: (reason: string) => `Voir : ${reason}`,
  back: 'Tous les messages écartés',
  model: 'Modèle',
  noModel: 'modèle inconnu',
  device: 'Appareil',
  noDevice: 'appareil inconnu',
  topic: 'Sujet MQTT',
  advice: 'Que faire',
  payload: 'Message reçu',
  bytes: (count: string) => `${count} ${plural.fr(count, 'octet', 'octets')}`,
  asText: 'En texte',
  asHex: 'En hexadécimal',
  cut: (shown: string) => `Seuls les ${shown} premiers octets sont montrés.`,
  emptyPayload: 'Le message est vide.',
  ofDevice: (device: string) => `De l’appareil ${device}`,
  ofModel: (model: string) => `Du modèle ${model}`,
  gone: 'Il n’y a plus de message écarté pour cette cause.',
  mend: {
    title: 'Corriger',
    forTechnicians: 'La correction est réservée aux techniciens : transmettez-leur cette page.',
    tried: (readable: string, tried: string) =>
      readable === '0'
        ? `Aucun des ${tried} derniers messages ne se lirait sans faute`
        : `${readable} des ${tried} derniers messages ${plural.fr(readable, 'se lirait', 'se liraient')} sans faute`,
    triedOne: 'Ce message se lirait sans faute',
    triedNone: 'Ce message ne se lirait pas sans faute',
    asIs: 'avec le modèle tel qu’il est.',
    withDraft: 'avec vos changements, pas encore enregistrés.',
    outcomes: 'Ce que deviendraient les messages',
    letter: 'Message',
    becomes: 'Deviendrait',
    sample: 'Le plus récent de ces messages, avec ce modèle :',
    builtIn: (model: string) =>
      `« ${model} » fait partie de Parvis et ne se modifie pas. Les appareils sont peut-être d’un autre modèle.`,
    otherModel: 'Essayer un autre modèle',
    tryOther: 'Essayer sur les messages',
    give: (model: string, count: string) => `Donner le modèle ${model} à ces appareils (${count})`,
    given: 'Modèle changé. Rejouez maintenant les messages.',
    make: 'Faire un modèle pour ces messages',
    adoptTitle: 'Ces appareils parlent sans être enregistrés.',
    adopt: 'Les adopter',
  },
  replay: {
    title: 'Rejouer',
    intro:
      'Ces messages sont relus avec le modèle tel qu’il est enregistré. Ceux qui se lisent deviennent des relevés.',
    start: (count: string) => plural.fr(count, 'Rejouer ce message', `Rejouer ${count} messages`),
    unsaved: 'Enregistrez d’abord vos changements.',
    readings: (device: string) => `Derniers relevés de ${device}`,
    see: 'Voir l’appareil',
  },
  reasons: {
    unknown_device: {
      label: 'Appareil inconnu',
      advice: 'Enregistrez l’appareil, ou corrigez l’identifiant qu’il envoie, puis rejouez ses messages.',
    },
    unknown_quantity: {
      label: 'Grandeur inconnue',
      advice: 'Corrigez le nom de la grandeur dans l’appareil ou la passerelle, ou reliez-le à une grandeur connue.',
    },
    bad_json: {
      label: 'JSON illisible',
      advice: 'Comparez le message ci-dessous avec le format attendu, et corrigez ce que l’appareil envoie.',
    },
    bad_frame: {
      label: 'Trame illisible',
      advice: 'Vérifiez que l’appareil est enregistré avec le bon modèle, puis son câblage et sa liaison.',
    },
    bad_value: {
      label: 'Valeur inutilisable',
      advice: 'Corrigez ce que l’appareil ou la passerelle envoie pour cette valeur, ou la correspondance du modèle.',
    },
    out_of_range: {
      label: 'Valeur hors plage',
      advice: 'La sonde est en défaut ou mal réglée, ou le modèle la lit dans une mauvaise unité.',
    },
    clock_future: { label: 'Horloge en avance', advice: 'Remettez l’appareil à l’heure.' },
    too_old: {
      label: 'Relevé trop ancien',
      advice: 'L’horloge de l’appareil est peut-être revenue à zéro : remettez-le à l’heure.',
    },
    codec_error: {
      label: 'Décodage en échec',
      advice: 'Le codec ou la correspondance de ce modèle est à corriger ; rejouez ensuite les messages.',
    },
    codec_timeout: {
      label: 'Décodage trop long',
      advice: 'Le codec de ce modèle est à corriger ; rejouez ensuite les messages.',
    },
    store_refused: {
      label: 'Refusé par la base de relevés',
      advice: 'Vérifiez l’état et la place disque de la base de relevés, puis rejouez les messages.',
    },
  } as Record<DeadLetterReason, { label: string; advice: string }>,
}

export const texts = {
  fr,
  en: {
    intro:
      'What was received and could not become readings. Nothing is lost: once the cause is mended, these messages are replayed and become readings.',
    empty: 'No dead letter: all that arrives becomes readings.',
    emptyAdvice: 'Nothing to do here. If readings are missing, see which devices are silent on the page Devices.',
    groups: 'By cause',
    all: 'One by one',
    count: (count) => `${count} ${plural.en(count, 'message', 'messages')}`,
    devices: (count) => `${count} ${plural.en(count, 'device', 'devices')}`,
    last: 'the last',
    open: (reason) => `See and mend: ${reason}`,
    openShort: 'See and mend',
    look: 'See',
    lookAt: (reason) => `See: ${reason}`,
    back: 'All dead letters',
    model: 'Model',
    noModel: 'unknown model',
    device: 'Device',
    noDevice: 'unknown device',
    topic: 'MQTT topic',
    advice: 'What to do',
    payload: 'Message received',
    bytes: (count) => `${count} ${plural.en(count, 'byte', 'bytes')}`,
    asText: 'As text',
    asHex: 'In hexadecimal',
    cut: (shown) => `Only the first ${shown} bytes are shown.`,
    emptyPayload: 'The message is empty.',
    ofDevice: (device) => `Of the device ${device}`,
    ofModel: (model) => `Of the model ${model}`,
    gone: 'There is no dead letter of this cause any more.',
    mend: {
      title: 'Mend',
      forTechnicians: 'Mending is for technicians: hand this page on to them.',
      tried: (readable, tried) =>
        `${readable === '0' ? 'None' : readable} of the last ${tried} messages would be read without a fault`,
      triedOne: 'This message would be read without a fault',
      triedNone: 'This message would not be read without a fault',
      asIs: 'with the model as it is.',
      withDraft: 'with your changes, which are not saved yet.',
      outcomes: 'What the messages would become',
      letter: 'Message',
      becomes: 'Would become',
      sample: 'The newest of these messages, with this model:',
      builtIn: (model) => `“${model}” is part of Parvis and cannot be changed. The devices may be of another model.`,
      otherModel: 'Try another model',
      tryOther: 'Try on the messages',
      give: (model, count) => `Give the model ${model} to these devices (${count})`,
      given: 'Model changed. Now replay the messages.',
      make: 'Make a model for these messages',
      adoptTitle: 'These devices speak and are not registered.',
      adopt: 'Adopt them',
    },
    replay: {
      title: 'Replay',
      intro: 'These messages are read again with the model as it is saved. Those that can be read become readings.',
      start: (count) => plural.en(count, 'Replay this message', `Replay ${count} messages`),
      unsaved: 'Save your changes first.',
      readings: (device) => `Newest readings of ${device}`,
      see: 'See the device',
    },
    reasons: {
      unknown_device: {
        label: 'Unknown device',
        advice: 'Register the device, or correct the identifier that it sends, then replay its messages.',
      },
      unknown_quantity: {
        label: 'Unknown quantity',
        advice: 'Correct the name of the quantity in the device or gateway, or tie it to a known quantity.',
      },
      bad_json: {
        label: 'Unreadable JSON',
        advice: 'Compare the message below with the format expected, and correct what the device sends.',
      },
      bad_frame: {
        label: 'Unreadable frame',
        advice: 'Check that the device is registered with the right model, then its wiring and its link.',
      },
      bad_value: {
        label: 'Unusable value',
        advice: 'Correct what the device or gateway sends for this value, or the mapping of the model.',
      },
      out_of_range: {
        label: 'Value out of range',
        advice: 'The probe is faulty or badly set, or the model reads it in a wrong unit.',
      },
      clock_future: { label: 'Clock ahead', advice: 'Set the clock of the device right.' },
      too_old: {
        label: 'Reading too old',
        advice: 'The clock of the device may have gone back to zero: set it right.',
      },
      codec_error: {
        label: 'Decoding failed',
        advice: 'The codec or the mapping of this model needs mending; then replay the messages.',
      },
      codec_timeout: {
        label: 'Decoding took too long',
        advice: 'The codec of this model needs mending; then replay the messages.',
      },
      store_refused: {
        label: 'Refused by the reading store',
        advice: 'Check the state and the disk space of the reading store, then replay the messages.',
      },
    },
  } satisfies typeof fr,
}
