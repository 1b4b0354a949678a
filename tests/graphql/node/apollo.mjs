// Stock Apollo clients, driven from Python: one line of JSON a request, one an answer.
import { createInterface } from 'node:readline'
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { OperationTypeNode } from 'graphql'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

globalThis.WebSocket ??= WebSocket // which Node.js has from version 22

const EVENT = gql`
  fragment Whole on Event {
    id eventId projectId title location start end version deletedAt
    attendees { address status }
  }
`
const ONE = gql`
  query One($projectId: ID!, $eventId: ID!) {
    event(projectId: $projectId, eventId: $eventId) { ...Whole }
  }
  ${EVENT}
`
const ALL = gql`
  query All($projectId: ID!) {
    events(projectId: $projectId) { position items { ...Whole } }
  }
  ${EVENT}
`
const UPDATE = gql`
  mutation Update($projectId: ID!, $eventId: ID!, $input: EventInput!) {
    updateEvent(projectId: $projectId, eventId: $eventId, input: $input) { ...Whole }
  }
  ${EVENT}
`
const FOLLOW = gql`
  subscription Follow($projectId: ID!, $since: SafeInt) {
    projectEvents(projectId: $projectId, since: $since) {
      position resync
      changes { kind key eventId fields by event { ...Whole } }
    }
  }
  ${EVENT}
`
const RETRY_MS = 50

const clients = new Map()

class Client {
  constructor({ host, token, projectId, mutations }) {
    this.projectId = projectId
    this.position = null // since when we know everything
    this.told = [] // every change, as it came
    this.shown = [] // every value that a watched query has shown
    this.connections = 0
    this.socket = createClient({
      url: `ws://${host}/graphql`,
      connectionParams: { token },
      webSocketImpl: WebSocket,
      lazy: false,
      retryAttempts: 0,
      onNonLazyError: () => undefined,
      on: { connected: () => this.connections++ }
    })
    const socket = new GraphQLWsLink(this.socket)
    const http = new HttpLink({
      uri: `http://${host}/graphql`,
      headers: { authorization: `Bearer ${token}` }
    })
    const bySocket = ({ operationType }) =>
      operationType === OperationTypeNode.SUBSCRIPTION ||
      (operationType === OperationTypeNode.MUTATION && mutations === 'socket')
    this.apollo = new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.split(bySocket, socket, http)
    })
    this.follow()
  }

  // Whoever is cut off comes back and says where they were.
  follow() {
    if (this.gone) return
    const variables = { projectId: this.projectId, since: this.position }
    const again = () => {
      if (!this.gone) this.timer = setTimeout(() => this.follow(), RETRY_MS)
    }
    this.following = this.apollo.subscribe({ query: FOLLOW, variables }).subscribe({
      next: ({ data, error }) => (error ? again() : this.take(data.projectEvents)),
      error: again
    })
  }

  // Apollo has put the events into its cache by now; which of them a list has is for us to say.
  take({ position, resync, changes }) {
    this.position = position
    this.resynced ||= resync
    for (const { kind, eventId, fields, by, event } of changes) {
      this.told.push({ kind, eventId, fields, by, version: event?.version, position })
      const listed = { query: ALL, variables: { projectId: this.projectId } }
      this.apollo.cache.updateQuery(listed, (all) => {
        if (!all) return undefined
        const others = all.events.items.filter((one) => one.eventId !== eventId)
        const items = !event || event.deletedAt ? others : [...others, event]
        return { events: { ...all.events, items } }
      })
    }
  }

  watch({ eventId }) {
    const variables = { projectId: this.projectId, eventId }
    this.apollo.watchQuery({ query: ONE, variables }).subscribe(({ data, dataState }) => {
      if (dataState === 'complete') this.shown.push(data.event)
    })
  }

  async list() {
    const { data } = await this.apollo.query({
      query: ALL,
      variables: { projectId: this.projectId }
    })
    return data.events
  }

  // What is on the screen at once is what we expect the server to make of it.
  async update({ eventId, input }) {
    const id = this.apollo.cache.identify({ __typename: 'Event', id: `${this.projectId}/${eventId}` })
    const held = this.apollo.cache.readFragment({ id, fragment: EVENT, optimistic: true })
    const { data } = await this.apollo.mutate({
      mutation: UPDATE,
      variables: { projectId: this.projectId, eventId, input },
      optimisticResponse: {
        updateEvent: { ...held, ...input, __typename: 'Event', version: held.version + 1 }
      }
    })
    return data.updateEvent
  }

  // Several at once: none waits for the answer to another.
  updates({ eventId, inputs }) {
    return Promise.all(inputs.map((input) => this.update({ eventId, input })))
  }

  look() {
    const { position, told, shown, connections, resynced } = this
    const cache = this.apollo.cache.extract()
    const listed = this.apollo.cache.readQuery({
      query: ALL,
      variables: { projectId: this.projectId }
    })
    return { position, told, shown, connections, resynced: !!resynced, cache, listed }
  }

  async close() {
    this.gone = true
    clearTimeout(this.timer)
    this.following.unsubscribe()
    await this.socket.dispose()
    this.apollo.stop()
  }
}

async function answer({ do: act, client, ...words }) {
  if (act === 'open') return void clients.set(client, new Client(words))
  return clients.get(client)[act](words)
}

for await (const line of createInterface({ input: process.stdin })) {
  let said
  try {
    said = { ok: (await answer(JSON.parse(line))) ?? null }
  } catch (error) {
    said = { error: String(error?.stack ?? error) }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
process.exit(0)
