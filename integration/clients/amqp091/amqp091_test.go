// Package amqp091 is the recipe for amqp091-go.
//
// Wrap the library's own dial function: it sets the deadline of the handshake, which
// the hook has to. There is no context, so that dial spans have no parent.
package amqp091

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "amqp091-go", Module: "github.com/rabbitmq/amqp091-go",
	Server:  "RabbitMQ",
	Address: lab.Name, Parent: lab.Never, Caller: "github.com/rabbitmq/amqp091-go",
}

func wrap(config *amqp.Config, tracker *otelnetstats.Tracker) {
	dial := amqp.DefaultDial(30 * time.Second)
	dialer := &otelnetstats.Dialer{Tracker: tracker, Base: otelnetstats.DialFunc(
		func(_ context.Context, network, address string) (net.Conn, error) { return dial(network, address) },
	)}
	config.Dial = dialer.Dial
}

func TestRecipe(t *testing.T) {
	s := server.RabbitMQ(t)
	recipe.Compare(t, lab.Case{Ends: "local, remote?"}, func(_ *testing.T, w *lab.Way) {
		config := amqp.Config{Heartbeat: time.Second}
		if tracker := w.Tracker; tracker != nil {
			wrap(&config, tracker)
		}
		conn, err := amqp.DialConfig("amqp://guest:guest@"+w.Relay(s), config)
		w.Must("connect", err)
		w.MarkAll()
		use(w, conn)
		w.Must("close", conn.Close())
	})
}

// use publishes with confirmations, consumes, and has a channel closed for a fault.
func use(w *lab.Way, conn *amqp.Connection) {
	channel, err := conn.Channel()
	w.Must("channel", err)
	queue, err := channel.QueueDeclare("", false, true, true, false, nil)
	w.Must("queue", err)
	w.Must("confirm", channel.Confirm(false))
	for i := range 200 {
		message := amqp.Publishing{Body: fmt.Append(nil, "message ", i)}
		confirmed, err := channel.PublishWithDeferredConfirm("", queue.Name, false, false, message)
		w.Must("publish", err)
		ok, err := confirmed.WaitContext(w.Context())
		w.Note("confirmed", ok, err)
	}
	messages, err := channel.Consume(queue.Name, "", true, false, false, false, nil)
	w.Must("consume", err)
	for range 200 {
		w.Note("message", string((<-messages).Body))
	}
	closed := channel.NotifyClose(make(chan *amqp.Error, 1))
	w.Note("publish to nowhere", channel.Publish("nowhere", "", false, false, amqp.Publishing{}))
	w.Note("closed", (<-closed).Code)
}
