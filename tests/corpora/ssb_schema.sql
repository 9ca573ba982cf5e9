-- Star Schema Benchmark tables as in O'Neil, O'Neil and Chen, "Star Schema Benchmark", revision 3, section 2.

CREATE TABLE lineorder (
    lo_orderkey INT,
    lo_linenumber INT,
    lo_custkey INT,
    lo_partkey INT,
    lo_suppkey INT,
    lo_orderdate INT,
    lo_orderpriority CHAR(15),
    lo_shippriority CHAR(1),
    lo_quantity INT,
    lo_extendedprice INT,
    lo_ordtotalprice INT,
    lo_discount INT,
    lo_revenue INT,
    lo_supplycost INT,
    lo_tax INT,
    lo_commitdate INT,
    lo_shipmode CHAR(10)
) USING parquet;

CREATE TABLE part (
    p_partkey INT,
    p_name VARCHAR(22),
    p_mfgr CHAR(6),
    p_category CHAR(7),
    p_brand1 CHAR(9),
    p_color VARCHAR(11),
    p_type VARCHAR(25),
    p_size INT,
    p_container CHAR(10)
) USING parquet;

CREATE TABLE supplier (
    s_suppkey INT,
    s_name CHAR(25),
    s_address VARCHAR(25),
    s_city CHAR(10),
    s_nation CHAR(15),
    s_region CHAR(12),
    s_phone CHAR(15)
) USING parquet;

CREATE TABLE customer (
    c_custkey INT,
    c_name VARCHAR(25),
    c_address VARCHAR(25),
    c_city CHAR(10),
    c_nation CHAR(15),
    c_region CHAR(12),
    c_phone CHAR(15),
    c_mktsegment CHAR(10)
) USING parquet;

CREATE TABLE date (
    d_datekey INT,
    d_date CHAR(18),
    d_dayofweek CHAR(9),
    d_month CHAR(9),
    d_year INT,
    d_yearmonthnum INT,
    d_yearmonth CHAR(7),
    d_daynuminweek INT,
    d_daynuminmonth INT,
    d_daynuminyear INT,
    d_monthnuminyear INT,
    d_weeknuminyear INT,
    d_sellingseason VARCHAR(12),
    d_lastdayinweekfl BOOLEAN,
    d_lastdayinmonthfl BOOLEAN,
    d_holidayfl BOOLEAN,
    d_weekdayfl BOOLEAN
) USING parquet;
