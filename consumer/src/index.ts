export { type Consumer, type ConsumerOptions, createConsumer } from './service.js';
export { checkSink } from './sinks/create.js';
