SELECT c.region, count(*) AS n, sum(o.amount) AS total, avg(o.amount) AS mean, max(o.created_at) AS latest FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY c.region ORDER BY c.region
