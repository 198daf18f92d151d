package main

import (
	"context"
	"net/http"
)

func createPaymentIntent(ctx context.Context, request *request) ([]byte, error) {
	return request.send(ctx, http.MethodPost, "/v1/payment_intents")
}

func createCustomer(ctx context.Context, request *request) ([]byte, error) {
	return request.send(ctx, http.MethodPost, "/v1/customers")
}
