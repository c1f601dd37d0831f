import { defineTable } from './define-table.js';

defineTable('fastify 5');
