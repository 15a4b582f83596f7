/** Network servers that publish for their devices. */
export const texts = {
  fr: {
    intro: 'Les serveurs de réseau (LoRaWAN, Zigbee…) qui publient pour leurs appareils, chacun avec son secret.',
    add: 'Ajouter une intégration',
    empty: 'Il n’y a pas encore d’intégration.',
    emptyAdvice:
      'Si vos appareils passent par un serveur de réseau, ajoutez-le ici : vous recevrez le secret à y inscrire.',
    name: 'Nom',
    nameHint: 'Son nom d’utilisateur MQTT. Il ne changera plus.',
    format: 'Format des messages',
    topics: 'Sujets MQTT',
    topicsHint: 'Ceux où elle publie, un filtre par ligne, par exemple application/+/device/+/event/+',
    secretSince: 'Secret créé',
    good: 'valable',
    revoked: 'révoquée',
    back: 'Toutes les intégrations',
    secretTitle: (name: string) => `Secret de ${name}`,
    secretAdvice: (name: string) =>
      `À inscrire dans le serveur de réseau, avec « ${name} » comme nom d’utilisateur et comme identifiant de client.`,
    renew: 'Renouveler le secret',
    renewQuestion: (name: string) => `Renouveler le secret de ${name} ?`,
    renewConsequence:
      'L’ancien secret ne vaut plus rien : le serveur de réseau est déconnecté jusqu’à ce qu’il ait le nouveau.',
    revoke: 'Révoquer',
    revokeQuestion: (name: string) => `Révoquer ${name} ?`,
    revokeConsequence:
      'Elle est déconnectée aussitôt, pour toujours, et son nom reste pris. Ses appareils et leurs relevés restent.',
  },
  en: {
    intro: 'Network servers (LoRaWAN, Zigbee…) that publish for their devices, each with its secret.',
    add: 'Add an integration',
    empty: 'There is no integration yet.',
    emptyAdvice: 'If your devices go through a network server, add it here: you will get the secret to enter there.',
    name: 'Name',
    nameHint: 'Its user name at MQTT. It will not change.',
    format: 'Message format',
    topics: 'MQTT topics',
    topicsHint: 'Those where it publishes, one filter a line, for example application/+/device/+/event/+',
    secretSince: 'Secret made',
    good: 'good',
    revoked: 'revoked',
    back: 'All integrations',
    secretTitle: (name: string) => `Secret of ${name}`,
    secretAdvice: (name: string) =>
      `Enter it in the network server, with “${name}” as the user name and as the client id.`,
    renew: 'Renew the secret',
    renewQuestion: (name: string) => `Renew the secret of ${name}?`,
    renewConsequence:
      'The old secret is of no use any more: the network server is disconnected until it has the new one.',
    revoke: 'Revoke',
    revokeQuestion: (name: string) => `Revoke ${name}?`,
    revokeConsequence:
      'It is disconnected at once, for good, and its name stays taken. Its devices and their readings stay.',
  },
}
