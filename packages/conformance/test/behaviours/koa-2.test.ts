import { defineTable } from './define-table.js';

defineTable('koa 2');
