#!/bin/sh
# Changes the bookshop as its customers would. Reads DMSTUI_SOURCE_URL, DMSTUI_SCALE and DMSTUI_KIND:
#   steady  a small transaction a second for half a minute (default)
#   burst   20,000 changed rows in one transaction
#   hold    a transaction that stays open for 30 seconds before it commits: no commit, no event, latency grows
# Prints one JSON line a table. Running it again makes further changes; seed.sh puts everything back.
set -u
: "${DMSTUI_SOURCE_URL:?is the libpq URL of the source database}"
kind=${DMSTUI_KIND:-steady}
case $kind in
  steady) rounds=30 orders=5 pause=1 hold=0 ;;
  burst) rounds=1 orders=4000 pause=0 hold=0 ;;
  hold) rounds=1 orders=20 pause=0 hold=30 ;;
  *)
    printf '{"step": "change", "table": null, "rows": 0, "ok": false, "detail": "no kind %s: steady, burst, hold"}\n' "$kind"
    exit 1
    ;;
esac
orders=$((orders * ${DMSTUI_SCALE:-1}))

# One transaction: new orders with two lines and a payment each, orders that move on, prices, and rows that go.
one_round() {
  cat <<SQL
begin;
with last as (select max(order_id) id, max(placed_at) at from shop.orders),
     customer as (select a.address_id, a.customer_id, row_number() over (order by a.address_id) n
                  from (select * from shop.addresses order by address_id limit $orders) a)
insert into shop.orders
select last.id + n, customer_id, address_id, 'placed', 'EUR', 3.90, last.at + make_interval(secs => n), false, null
from last, customer;
insert into shop.order_lines
select o.order_id, l, 1 + (o.order_id * 7 + l) % 6000, 1 + l % 3, 9.95, null
from (select order_id from shop.orders order by order_id desc limit $orders) o, generate_series(1, 2) l;
insert into shop.payments
select p.id + row_number() over (order by o.order_id), o.order_id, md5('change' || o.order_id)::uuid, 'card', 23.80, 0.31, null
from (select order_id from shop.orders order by order_id desc limit $orders) o, (select max(payment_id) id from shop.payments) p;
update shop.orders set status = 'delivered'
where order_id in (select order_id from shop.orders where status = 'shipped' order by order_id limit $((orders / 2 + 1)));
update shop.books set price = price + 0.05
where book_id in (select book_id from shop.books order by price, book_id limit $((orders / 4 + 1)));
delete from shop.reviews
where review_id in (select review_id from shop.reviews order by review_id limit $((orders / 10 + 1)));
delete from web.page_views
where (visited_on, visit_id) in (select visited_on, visit_id from web.page_views
  where visited_on >= '2026-07-01' order by visited_on desc, visit_id limit $((orders / 10 + 1)));
select pg_sleep($hold) where $hold > 0;
commit;
select pg_sleep($pause) where $pause > 0;
SQL
}

say() {
  printf '{"step": "change", "table": "%s", "rows": %s, "ok": true, "detail": "%s"}\n' "$1" "$2" "$3"
}

if ! {
  round=0
  while [ "$round" -lt "$rounds" ]; do
    one_round
    round=$((round + 1))
  done
} | psql "$DMSTUI_SOURCE_URL" -X -q -A -t -v ON_ERROR_STOP=1 >/dev/null; then
  printf '{"step": "change", "table": null, "rows": 0, "ok": false, "detail": "psql failed; its message is on stderr"}\n'
  exit 1
fi
say shop.orders $((rounds * orders)) "inserted"
say shop.order_lines $((rounds * orders * 2)) "inserted"
say shop.payments $((rounds * orders)) "inserted"
say shop.orders $((rounds * (orders / 2 + 1))) "moved from shipped to delivered"
say shop.books $((rounds * (orders / 4 + 1))) "repriced"
say shop.reviews $((rounds * (orders / 10 + 1))) "deleted"
say web.page_views $((rounds * (orders / 10 + 1))) "deleted"
