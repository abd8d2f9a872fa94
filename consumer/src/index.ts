export { type Consumer, type ConsumerOptions, consumerProcess, createConsumer } from './service.js';
export { checkSink } from './sinks/create.js';
