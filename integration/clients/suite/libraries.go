package main

// libraries are the folders of the libraries, the most used ones first.
var libraries = []string{
	"nethttp", "grpc", "pgx", "libpq", "mysql", "goredis",
	"kafkago", "franzgo", "sarama", "nats", "amqp091", "paho", "autopaho",
	"s3", "minio", "gorilla", "coder", "ssh", "ldap", "ftp", "gomemcache", "dns",
	"fasthttp", "quic", "connect", "etcd", "consul",
	"redigo", "mail", "socks",
}
