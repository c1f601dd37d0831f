/** Koa 2, under the name by which it is installed beside Koa 3: what is used of it is the same. */
declare module 'koa2' {
  import Koa from 'koa';

  export default Koa;
}
