export { type Consumer, type ConsumerOptions, createConsumer } from './service.js';
