package pixelzoo

import (
	"context"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// endings says how calls have ended that no server ended: by their deadline, by Close, or for want of a server. It is
// made of interceptors, so that the stubs' errors say it too: of an error alone nobody knows the target.
type endings struct {
	target string
	closed chan struct{}
	once   sync.Once
}

func newEndings(target string) *endings { return &endings{target: target, closed: make(chan struct{})} }

func (e *endings) close() { e.once.Do(func() { close(e.closed) }) }

func (e *endings) isClosed() bool {
	select {
	case <-e.closed:
		return true
	default:
		return false
	}
}

// call is a grpc.UnaryClientInterceptor.
func (e *endings) call(
	ctx context.Context, method string, request, reply interface{}, connection *grpc.ClientConn,
	invoker grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	return e.explain(invoker(ctx, method, request, reply, connection, options...))
}

// stream is a grpc.StreamClientInterceptor.
func (e *endings) stream(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
	streamer grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	opened, err := streamer(ctx, description, connection, method, options...)
	if err != nil {
		return nil, e.explain(err)
	}
	return explainedStream{opened, e}, nil
}

type explainedStream struct {
	grpc.ClientStream
	endings *endings
}

func (s explainedStream) RecvMsg(reply interface{}) error {
	return s.endings.explain(s.ClientStream.RecvMsg(reply))
}

func (e *endings) explain(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	answer := status.Convert(err)
	code := answer.Code()
	switch {
	case len(answer.Details()) > 0: // A server of pixelzoo has ended it.
		return err
	case e.isClosed() && (code == codes.Canceled || code == codes.Unavailable):
		message := "the client is closed: make a new one, and close it after its last call"
		return refusal(codes.Canceled, "CLIENT_CLOSED", message)
	case code == codes.DeadlineExceeded:
		return refusal(code, "DEADLINE_EXCEEDED", "the call to "+e.target+" took longer than its timeout")
	case code == codes.Unavailable:
		return refusal(code, "SERVER_UNREACHABLE", fmt.Sprintf("no server answers at %s: start one with `pixelzoo serve`, "+
			"or name another with PIXELZOO_TARGET; if one runs there, does it want TLS? PIXELZOO_TLS_CA turns it on, and "+
			"names whom to trust (%s)", e.target, answer.Message()))
	}
	return err
}
