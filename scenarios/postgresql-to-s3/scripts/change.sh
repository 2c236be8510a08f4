#!/bin/sh
# Changes the bookshop as its customers would. Reads DMSTUI_SOURCE_URL, DMSTUI_SCALE and DMSTUI_KIND:
#   steady  a small transaction a second for half a minute (default)
#   burst   about 20,000 changed rows in one transaction
#   hold    a transaction that stays open for 30 seconds before it commits: no commit, no event, latency grows
#   drop    drops the table shop.reviews, for the guide's third break
# Prints one JSON line a table. Running it again makes further changes; seed.sh puts everything back.
set -u
: "${DMSTUI_SOURCE_URL:?is the libpq URL of the source database}"
kind=${DMSTUI_KIND:-steady}
case $kind in
  steady) rounds=30 orders=5 pause=1 hold=0 ;;
  burst) rounds=1 orders=4000 pause=0 hold=0 ;;
  hold) rounds=1 orders=20 pause=0 hold=30 ;;
  drop) rounds=0 orders=0 pause=0 hold=0 ;;
  *)
    printf '{"step": "change", "table": null, "rows": 0, "ok": false, "detail": "no kind %s: steady, burst, hold, drop"}\n' "$kind"
    exit 1
    ;;
esac
orders=$((orders * ${DMSTUI_SCALE:-1}))

# One transaction: new orders with two lines and a payment each, orders that move on, prices, and rows that go.
# What each statement really changed is added up in a temporary table, which no replication slot sees.
one_round() {
  cat <<SQL
begin;
with last as (select max(order_id) id, max(placed_at) at from shop.orders),
     buyer as (select address_id, customer_id, row_number() over (order by address_id) n
               from shop.addresses order by address_id limit $orders),
     made as (insert into shop.orders
              select last.id + n, customer_id, address_id, 'placed', 'EUR', 3.90, last.at + make_interval(secs => n), false, null
              from last, buyer returning 1)
insert into done select 'shop.orders', 'inserted', count(*) from made;
with fresh as (select order_id from shop.orders order by order_id desc limit $orders),
     made as (insert into shop.order_lines
              select order_id, l, 1 + (order_id * 7 + l) % 6000, 1 + l % 3, 9.95, null
              from fresh, generate_series(1, 2) l returning 1)
insert into done select 'shop.order_lines', 'inserted', count(*) from made;
with fresh as (select order_id, row_number() over (order by order_id) n from
                 (select order_id from shop.orders order by order_id desc limit $orders) f),
     last as (select max(payment_id) id from shop.payments),
     made as (insert into shop.payments
              select id + n, order_id, md5('change' || order_id)::uuid, 'card', 23.80, 0.31, null from fresh, last returning 1)
insert into done select 'shop.payments', 'inserted', count(*) from made;
with made as (update shop.orders set status = 'delivered' where order_id in
                (select order_id from shop.orders where status = 'shipped' order by order_id limit $((orders / 2 + 1))) returning 1)
insert into done select 'shop.orders', 'moved from shipped to delivered', count(*) from made;
with made as (update shop.books set price = price + 0.05 where book_id in
                (select book_id from shop.books order by price, book_id limit $((orders / 4 + 1))) returning 1)
insert into done select 'shop.books', 'repriced', count(*) from made;
with made as (delete from shop.reviews where review_id in
                (select review_id from shop.reviews order by review_id limit $((orders / 10 + 1))) returning 1)
insert into done select 'shop.reviews', 'deleted', count(*) from made;
with made as (delete from web.page_views where (visited_on, visit_id) in
                (select visited_on, visit_id from web.page_views where visited_on >= '2026-07-01'
                 order by visited_on desc, visit_id limit $((orders / 10 + 1))) returning 1)
insert into done select 'web.page_views', 'deleted', count(*) from made;
do 'begin perform pg_sleep($hold); end';
commit;
do 'begin perform pg_sleep($pause); end';
SQL
}

if ! {
  echo 'create temp table done (name text, what text, rows bigint);'
  if [ "$kind" = drop ]; then
    echo "insert into done select 'shop.reviews', 'dropped', count(*) from shop.reviews; drop table shop.reviews;"
  fi
  round=0
  while [ "$round" -lt "$rounds" ]; do
    one_round
    round=$((round + 1))
  done
  cat <<'SQL'
select json_build_object('step', 'change', 'table', name, 'rows', sum(rows), 'ok', true, 'detail', what)
from done group by name, what order by name, what;
SQL
} | psql "$DMSTUI_SOURCE_URL" -X -q -A -t -v ON_ERROR_STOP=1; then
  printf '{"step": "change", "table": null, "rows": 0, "ok": false, "detail": "psql failed; its message is on stderr"}\n'
  exit 1
fi
